"""T32, T33, T39: a signed bundle counts once, whole, and as its own department's word; T40 for the city."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_city
from broker_house import TIMEOUT_S, House, fresh_house, port_files
from certified import DOMAIN
from grpc_health.v1 import health_pb2, health_pb2_grpc

from exchange.broker.server import ALARM
from exchange.client import signed_bundle, steward
from exchange.client.settings import ClientSettings
from exchange.errors import AccessRefused, ConfigError, ExchangeError, PolicyInvalid, RequestInvalid
from exchange.model.receipt import Receipt
from exchange.model.subject import CITY, Kind, Subject
from exchange.policy.files.tree import own_part
from exchange.security.credentials import load_roots
from exchange.security.receipts import Trust
from exchange.wire import publishing

NOBODY = "# nobody\n"
SCHEMAS = b"""
port.flights:
  { origin: text, dest: text, tailnum: text, delay: number, at: timestamp, crew: text }
"""
CASE = b"""
defaults: { dataset: port.flights, time: 2026-06-01T12:00:00+08:00 }
cases:
  - name: dispatch researches
    subject: emergency/dispatch
    purpose: transport-research
    expect: allow
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with fresh_house(tmp_path) as found:
        yield found


def settings(house: House, department: str = "port", name: str = "chen") -> ClientSettings:
    tls = house.actor(department, Kind.STEWARD, name)
    return ClientSettings(trust_domain=DOMAIN, broker=f"127.0.0.1:{house.running.port}", tls=tls)


def folder(house: House, **changes: str) -> Path:
    """The whole policy tree with the port's files so changed."""
    for path, content in port_files(**changes).items():
        (house.settings.policies / "departments" / "port" / path).write_bytes(content)
    return house.settings.policies


def trust(house: House) -> Trust:
    roots = load_roots(house.actor("port", Kind.STEWARD, "chen").roots, time.time_ns() // 1000)
    return Trust(roots, (), DOMAIN)


def health(house: House, service: str) -> str:
    stub = health_pb2_grpc.HealthStub(house.dispatch())
    answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=TIMEOUT_S)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def bundle_of(house: House, **changes: str) -> signed_bundle.SignedBundle:
    return steward.bundle(settings(house), folder(house, **changes), "为何")


def repacked(bundle: signed_bundle.SignedBundle, **members: bytes | None) -> bytes:
    """The bundle's file with members replaced, added, or (None) left out."""
    with tarfile.open(fileobj=io.BytesIO(signed_bundle.to_bytes(bundle))) as old:
        found = {entry.name: old.extractfile(entry).read() for entry in old}  # type: ignore[union-attr]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as new:
        for name, content in {**found, **members}.items():
            if content is not None:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                new.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_a_bundle_is_the_same_bytes_again_and_verifies_with_the_roots_alone(house: House) -> None:
    bundle = bundle_of(house, grants=NOBODY)
    data = signed_bundle.to_bytes(bundle)
    read = signed_bundle.from_bytes(data)
    assert (read, signed_bundle.to_bytes(read)) == (bundle, data)
    signer = signed_bundle.verify(read, trust(house), time.time_ns() // 1000)
    assert signer.id == f"spiffe://port.{DOMAIN}/steward/chen"
    manifest = json.loads(read.to_json())
    assert (manifest["department"], manifest["previous"], manifest["message"]) == ("port", 1, "为何")
    assert [path for path, _ in manifest["files"]] == sorted(port_files())


def test_a_bundle_may_be_handed_in_by_another_steward_of_the_department(house: House) -> None:
    bundle = bundle_of(house, grants=NOBODY)
    done = steward.publish_bundle(settings(house, name="li"), bundle)
    assert (done.revision, done.previous) == (2, 1)
    (record,) = house.records("publication", revision=2)
    assert record["subject"].endswith("/steward/li")
    assert json.loads(record["statement"])["signer"].endswith("/steward/chen")
    assert house.records("certificate", certificate=record["certificate"])
    with pytest.raises(AccessRefused):
        house.ask()


def test_t32_a_bundle_counts_once(house: House) -> None:
    bundle = bundle_of(house)
    steward.publish_bundle(settings(house), bundle)
    with pytest.raises(RequestInvalid) as caught:
        steward.publish_bundle(settings(house), bundle)
    assert caught.value.stable_reason == "revision-moved"
    assert house.records("publication", outcome="refused", reason="revision-moved")


def test_t33_a_bundle_without_its_signature_is_none(house: House) -> None:
    bundle = bundle_of(house)
    with pytest.raises(PolicyInvalid, match="not signed"):
        signed_bundle.from_bytes(repacked(bundle, **{"signature.json": None}))
    line, unsigned = (
        house.channel(house.actor("port", Kind.STEWARD, "chen")),
        Receipt(statement="", signature="", certificate=""),
    )
    with pytest.raises(RequestInvalid) as caught:
        publishing.publish(line, bundle.files, bundle.message, unsigned, timeout_s=TIMEOUT_S)
    assert caught.value.stable_reason == "unsigned"
    assert house.records("publication", outcome="refused", reason="unsigned")


@pytest.mark.parametrize(
    "members",
    [
        {"files/grants.csv": b"p, department:press, port.flights, read, stewardship, allow\n"},
        {"files/grants.csv": None},
        {"files/cases/more.yaml": b""},
        {"manifest.json": b"{}"},
        {"files/../../city.toml": b""},
        {"elsewhere": b""},
    ],
    ids=["altered", "one file less", "one more", "another manifest", "escape", "stranger"],
)
def test_t33_an_altered_bundle_is_refused(house: House, members: dict[str, bytes | None]) -> None:
    data = repacked(bundle_of(house), **members)
    with pytest.raises(PolicyInvalid):
        signed_bundle.verify(signed_bundle.from_bytes(data), trust(house), time.time_ns() // 1000)


@pytest.mark.parametrize("data", [b"", b"x" * 2000, b"\x1f\x8b\x08" + b"\0" * 600])
def test_t33_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(PolicyInvalid):
        signed_bundle.from_bytes(data)


def test_t39_another_department_s_key_cannot_sign(house: House) -> None:
    port, press = house.actor("port", Kind.STEWARD, "chen"), house.actor("press", Kind.STEWARD, "wu")
    with pytest.raises(RequestInvalid) as caught:
        house.publish(port, port_files(grants=NOBODY), by=press)
    assert caught.value.stable_reason == "signer-foreign"
    with pytest.raises(RequestInvalid) as caught:
        house.publish(press, port_files(grants=NOBODY), by=port)
    assert caught.value.stable_reason == "signer-foreign"
    assert len(house.records("publication", outcome="refused", reason="signer-foreign")) == 2
    assert house.ask().revision == 1


def test_t39_a_system_of_the_department_cannot_sign(house: House) -> None:
    port = house.actor("port", Kind.STEWARD, "chen")
    with pytest.raises(RequestInvalid) as caught:
        house.publish(port, port_files(grants=NOBODY), by=house.actor("port", name="ops"))
    assert caught.value.stable_reason == "signer-foreign"


def test_t39_a_department_cannot_publish_the_city_s_part(house: House) -> None:
    port = house.actor("port", Kind.STEWARD, "chen")
    with pytest.raises(ExchangeError):
        house.publish(port, {"city.toml": small_city.FILES["city.toml"].encode()})
    with pytest.raises(RequestInvalid):
        house.publish(port, own_part(small_city.files(), CITY), department=CITY)
    assert house.running._parts.history.revision().revision == 1


def test_the_city_s_own_part_is_published_by_its_own_stewards(house: House) -> None:
    city = house.actor(CITY, Kind.STEWARD, "zhao")
    files = own_part(small_city.files(), CITY)
    rule = 'package exchange.baseline\nallow if input.state == "emergency"\n'
    files["baseline/conditions.rego"] = rule.encode()
    assert house.publish(city, files, department=CITY)[0] == 2
    with pytest.raises(AccessRefused):
        house.ask()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("[purpose.transport-research]", "[purpose.other]", "departments/port/grants.csv"),
        ('trust_domain = "zhongshui.example"', 'trust_domain = "other.example"', "zhongshui.example"),
        ('"normal", "emergency"', '"emergency"', "normal"),
    ],
    ids=["a purpose in use", "trust domain", "operating state"],
)
def test_t40_the_city_s_part_is_refused_where_it_breaks_a_department_or_the_broker(
    house: House, old: str, new: str, why: str
) -> None:
    city = house.actor(CITY, Kind.STEWARD, "zhao")
    files = own_part(small_city.files(), CITY)
    files["city.toml"] = files["city.toml"].replace(old.encode(), new.encode())
    with pytest.raises(PolicyInvalid) as caught:
        house.publish(city, files, department=CITY)
    assert why in caught.value.public
    assert house.ask().revision == 1


def test_t40_a_failing_case_refuses_and_the_alarm_is_seen_until_the_next_success(house: House) -> None:
    port = house.actor("port", Kind.STEWARD, "chen")
    with pytest.raises(PolicyInvalid) as caught:
        house.publish(port, port_files() | {"cases/a.yaml": CASE, "cases/schemas.yaml": SCHEMAS})
    assert "departments/port/cases/a.yaml:" in caught.value.public
    (record,) = house.records("publication", outcome="refused")
    assert (record["id"], record["reason"]) == (caught.value.id, "cases-failed")
    assert health(house, ALARM) == "NOT_SERVING"
    assert health(house, "") == "SERVING"
    found = steward.history(settings(house), 10)
    assert found.alarm is not None
    assert (found.alarm.department, found.alarm.id) == ("port", caught.value.id)
    assert [one.revision for one in found.revisions] == [1]
    assert house.ask().revision == 1
    house.publish(port, port_files())
    assert steward.history(settings(house), 10).alarm is None
    assert health(house, ALARM) == "SERVING"


def test_rollback_publishes_the_old_files_under_a_new_revision(house: House) -> None:
    before = house.running._parts.history.part
    old = before(settings_subject(house), 1)
    steward.publish(settings(house), folder(house, grants=NOBODY), "撤销")
    done = steward.rollback(settings(house), 1, "又好了")
    assert (done.revision, done.previous) == (3, 2)
    assert before(settings_subject(house), 3) == old
    assert house.ask().revision == 3
    told = [
        (one.revision, one.department, one.message) for one in steward.history(settings(house), 9).revisions
    ]
    assert told == [(3, "port", "又好了"), (2, "port", "撤销"), (1, CITY, "initial policies")]


def test_a_rollback_to_what_never_was_is_refused(house: House) -> None:
    with pytest.raises(RequestInvalid, match="no revision 9"):
        steward.rollback(settings(house), 9, "?")
    with pytest.raises(ConfigError, match="only a steward"):
        other = settings(house).model_copy(update={"tls": house.actor("port", name="ops")})
        steward.rollback(other, 1, "?")


def settings_subject(_: House) -> Subject:
    return Subject.parse(f"spiffe://port.{DOMAIN}/steward/chen", DOMAIN)
