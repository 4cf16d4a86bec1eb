"""T13, T14: a ticket for another connector, or in another subject's hands, gives nothing and is recorded."""

from __future__ import annotations

from pathlib import Path

from certified import DOMAIN
from connector_house import CANARY, CONSUMER, open_house, read

from exchange.model.obligation import ColumnRule, Obligations
from exchange.model.subject import Kind, spiffe_id

EVERYTHING = Obligations(columns=(ColumnRule(name="secret"),))


def test_t13_a_ticket_for_another_connector_gives_nothing(tmp_path: Path) -> None:
    with open_house(tmp_path) as house, house.channel(house.dispatch()) as line:
        got = read(line, house.token(audience="weather", obligations=EVERYTHING))

        assert (got.raw, got.reason) == ([], "ticket-signature")
        assert house.said() == [("refusal", "ticket-signature")]


def test_t14_a_stolen_ticket_gives_the_thief_nothing_and_its_owner_everything(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        token = house.token(obligations=EVERYTHING)
        with house.channel(house.someone("press", Kind.SYSTEM, "desk")) as thief:
            got = read(thief, token)
        assert (got.raw, got.reason) == ([], "ticket-subject")
        (record,) = house.statements()
        assert (record.kind, record.subject) == ("refusal", spiffe_id(DOMAIN, "press", Kind.SYSTEM, "desk"))

        with house.channel(house.dispatch()) as owner:
            got = read(owner, token)
        assert got.error is None
        assert any(CANARY.encode() in message for message in got.raw)


def test_t14_another_system_of_the_same_department_is_another_subject(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        with house.channel(house.someone("emergency", Kind.SYSTEM, "archive")) as line:
            got = read(line, house.token(subject=CONSUMER))

        assert (got.raw, got.reason) == ([], "ticket-subject")
        assert house.said() == [("refusal", "ticket-subject")]
