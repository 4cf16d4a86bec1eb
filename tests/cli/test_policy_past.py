"""Real decisions of a real broker: explained by their id, and asked again under a new policy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import small_city
from broker_house import House, open_house, port_files
from certified import make_city
from click.testing import Result

from exchange.cli.console import WIDENED
from exchange.model.subject import Kind

Exchange = Callable[..., Result]
NO_DEST = small_city.obligation('columns = { withhold = ["dest"] }')


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with open_house(make_city(tmp_path_factory.mktemp("city")), folder) as found:
        yield found


@pytest.fixture(scope="module")
def access(house: House) -> str:
    """A granted read under revision 1, with a predicate; revision 2 came into force since."""
    found = house.ask(columns=("origin",), where="dest = 'JFK'").id
    house.publish(house.actor("port", Kind.STEWARD, "chen"), port_files(obligations=NO_DEST))
    return found


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def test_a_past_decision_is_explained_under_the_revision_of_its_time(
    exchange: Exchange, house: House, access: str, tmp_path: Path
) -> None:
    write(tmp_path / "1", small_city.files())
    question = ("policy", "explain", "--id", access, "--audit", house.settings.audit, "--revisions", tmp_path)
    result = exchange(*question)
    assert result.exit_code == 0, result.output
    assert "decision     ALLOW (granted), revision 1" in result.output
    assert "revision 1, state normal" in result.output
    assert "the log holds no literals" in result.output
    notes = json.loads(exchange(*question, "--json").stdout)["notes"]
    assert any(note.startswith("recorded ") for note in notes)


def test_a_decision_that_the_copy_does_not_hold(exchange: Exchange, house: House, tmp_path: Path) -> None:
    result = exchange(
        "policy", "explain", "--id", "0" * 32, "--audit", house.settings.audit, "--revisions", tmp_path
    )
    assert result.exit_code == 2
    assert "no decision" in result.output


def test_recorded_requests_are_asked_again_under_the_new_policy(
    exchange: Exchange, house: House, access: str, tmp_path: Path
) -> None:
    old = write(tmp_path / "old", small_city.files())
    new = write(tmp_path / "new", small_city.files({small_city.OBLIGATIONS: NO_DEST}))
    result = exchange("policy", "simulate", old, new, "--audit", house.settings.audit)
    assert result.exit_code == 0, result.output
    assert "recorded requests: 1, 1 of them different\nanswered otherwise: 1" in result.output
    assert "- access: allowed -> refused (predicate reads dest)" in result.output
    back = exchange("policy", "simulate", new, old, "--audit", house.settings.audit, "--json")
    assert back.exit_code == WIDENED
    assert json.loads(back.stdout)["requests"]["recorded"] == 1


def test_files_that_are_not_those_the_log_says_were_published_explain_nothing(
    exchange: Exchange, house: House, tmp_path: Path
) -> None:
    later = house.ask(columns=("origin",)).id
    question = ("policy", "explain", "--id", later, "--audit", house.settings.audit, "--revisions", tmp_path)
    write(tmp_path / "2", small_city.files({small_city.OBLIGATIONS: NO_DEST}))
    assert exchange(*question).exit_code == 0
    write(tmp_path / "2", small_city.files())
    result = exchange(*question)
    assert result.exit_code == 2
    assert "these files are not revision 2" in result.output
    assert "compare them with record" in result.output
