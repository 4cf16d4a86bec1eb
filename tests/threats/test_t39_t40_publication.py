"""T39 a steward who reaches beyond his own, T40 a faulty publication: the last good bundle keeps serving."""

from __future__ import annotations

import pytest
from small_city import DATASETS, GRANTS, OBLIGATIONS, ask, files, refusal

from exchange.errors import AuditUnavailable, PolicyInvalid
from exchange.policy.files.tree import part
from exchange.policy.holder import BundleHolder, Held

OTHERS = """
[dataset."weather.observations"]
title = "x"
sharing = "unconditional"
grade = "general"
update_cycle = "daily"
columns = { a = { level = "public" } }
"""
STEWARD = "spiffe://port.zhongshui.example/steward/li"


def test_t39_a_steward_cannot_be_granted_data() -> None:
    text = refusal({GRANTS: f"p, {STEWARD}, port.flights, read, stewardship, allow"})
    assert text == "departments/port/grants.csv:1: a steward cannot be granted data"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (GRANTS, "p, department:port, weather.observations, read, stewardship, allow"),
        (GRANTS, "g2, weather.observations, port.all"),
        (GRANTS, "g2, port.flights, weather.all"),
        (
            DATASETS,
            OTHERS,
        ),
        (OBLIGATIONS, '[[obligation]]\nid = "x"\ndatasets = ["weather.observations"]'),
    ],
)
def test_t39_a_department_speaks_of_its_own_datasets_only(path: str, text: str) -> None:
    assert refusal({path: text}).startswith(f"{path}:")


def test_t39_a_department_that_the_city_does_not_know_is_refused() -> None:
    assert "'ghost' is not declared" in refusal({"departments/ghost/grants.csv": ""})


def test_t40_a_publication_takes_effect_under_the_next_revision() -> None:
    holder = BundleHolder(files(), 3)
    before = holder.current
    own = part(holder.files, "port") | {"grants.csv": b""}
    assert holder.publish("port", own).revision == 4
    assert not ask(holder.current).decision.allowed
    assert ask(before).decision.allowed, "a request in flight keeps its revision"


@pytest.mark.parametrize(
    "broken",
    [
        {"grants.csv": b"p, role:researcher, port.fl"},
        {"datasets.toml": b"[dataset."},
        {"grants.csv": b"\xff\xfe"},
        {"../../city.toml": b""},
        {"grants.csv.swp": b""},
    ],
    ids=["half a line", "half a table", "not text", "escape", "editor's leftovers"],
)
def test_t40_a_faulty_publication_changes_nothing_and_raises_the_alarm(broken: dict[str, bytes]) -> None:
    holder = BundleHolder(files(), 1)
    before = holder.current
    with pytest.raises(PolicyInvalid):
        holder.publish("port", part(holder.files, "port") | broken)
    assert holder.current is before
    assert ask(holder.current).decision.allowed
    assert holder.alarm
    holder.publish("port", part(holder.files, "port"))
    assert holder.alarm == ""


def test_t40_what_cannot_be_made_durable_does_not_take_effect() -> None:
    holder = BundleHolder(files(), 1)

    def disk_full(_: Held) -> None:
        raise AuditUnavailable("nothing can be recorded")

    with pytest.raises(AuditUnavailable):
        holder.publish("port", {}, persist=disk_full)
    assert holder.current.revision == 1
    assert "nothing can be recorded" in holder.alarm


def test_t40_the_revision_only_rises() -> None:
    holder = BundleHolder(files(), 5)
    for revision in (4, 5):
        with pytest.raises(PolicyInvalid, match="not newer"):
            holder.reload(files(), revision)
    assert holder.reload(files(), 6).revision == 6


def test_t40_an_unchanged_department_is_not_parsed_again() -> None:
    weather = {"departments/weather/grants.csv": "# none yet"}
    holder = BundleHolder(files(weather), 1)
    before = holder.current
    after = holder.publish("port", part(holder.files, "port") | {"README.md": b"changed"})
    assert after.parts["weather"] is before.parts["weather"]
    assert after.parts["port"] is not before.parts["port"]
