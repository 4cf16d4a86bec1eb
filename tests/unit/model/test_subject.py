"""A SPIFFE id names exactly one actor of this city, or nobody."""

from __future__ import annotations

import pytest

from exchange.errors import IdentityError
from exchange.model.subject import Kind, Subject, spiffe_id

CITY = "zhongshui.example"


@pytest.mark.parametrize(
    ("uri", "department", "kind", "name"),
    [
        ("spiffe://port.zhongshui.example/connector", "port", Kind.CONNECTOR, ""),
        ("spiffe://emergency.zhongshui.example/system/dispatch", "emergency", Kind.SYSTEM, "dispatch"),
        ("spiffe://city.zhongshui.example/broker", "city", Kind.BROKER, ""),
        ("spiffe://city.zhongshui.example/auditor/wang", "city", Kind.AUDITOR, "wang"),
        ("spiffe://city.zhongshui.example/steward/zhao", "city", Kind.STEWARD, "zhao"),
        ("spiffe://zhongshui.example/department/port/steward/chen", "port", Kind.STEWARD, "chen"),
    ],
)
def test_both_layouts_name_an_actor(uri: str, department: str, kind: Kind, name: str) -> None:
    assert Subject.parse(uri, CITY) == Subject(id=uri, department=department, kind=kind, name=name)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "spiffe://",
        "https://port.zhongshui.example/connector",
        "spiffe://port.zhongshui.example",
        "spiffe://port.zhongshui.example/",
        "spiffe://port.zhongshui.example/connector/",
        "spiffe://port.zhongshui.example/connector/extra",
        "spiffe://port.zhongshui.example/system",
        "spiffe://port.zhongshui.example/system/a/b",
        "spiffe://port.zhongshui.example/mayor/li",
        "spiffe://port.zhongshui.example/broker",
        "spiffe://port.zhongshui.example/auditor/wang",
        "spiffe://city.zhongshui.example/system/x",
        "spiffe://port.zhongshui.example.evil/connector",
        "spiffe://a.port.zhongshui.example/connector",
        "spiffe://zhongshui.example/connector",
        "spiffe://zhongshui.example/department/port",
        "spiffe://Port.zhongshui.example/connector",
        "spiffe://port.zhongshui.example/system/..",
        "spiffe://port.zhongshui.example/system/%2e",
        "spiffe://port.zhongshui.example/system/a?b",
        "spiffe://port.zhongshui.example:443/connector",
        "spiffe://user@port.zhongshui.example/connector",
        "spiffe://港务局.zhongshui.example/connector",
        "spiffe://port.zhongshui.example/system/" + "a" * 3000,
        "spiffe://port.zhongshui.example/connector\n",
    ],
)
def test_anything_else_names_nobody(uri: str) -> None:
    with pytest.raises(IdentityError):
        Subject.parse(uri, CITY)


def test_what_the_ca_writes_is_what_the_parser_reads() -> None:
    uri = spiffe_id(CITY, "research", Kind.SYSTEM, "lab-1")
    assert Subject.parse(uri, CITY).name == "lab-1"
