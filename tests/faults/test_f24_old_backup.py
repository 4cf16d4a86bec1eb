"""F24: an old backup of the log is restored; no witness accepts it, and under a quorum nothing is signed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_house import House, fresh_house
from certified import make_city
from witness_house import OneWitness, back_up, latest, put_back, witnessed_house

from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.note import split_note
from exchange.audit.storage.layout import Layout
from exchange.broker.server import Broker
from exchange.errors import AuditUnavailable, LogCorrupt, Unavailable

Two = tuple[House, list[OneWitness]]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Two]:
    """A broker whose log needs both of two witnesses."""
    with witnessed_house(make_city(tmp_path / "city"), tmp_path, ("port", "weather"), 2) as found:
        yield found


def vouched(witnesses: list[OneWitness]) -> None:
    for witness in witnesses:
        witness.step()


def restored(house: House, witnesses: list[OneWitness]) -> tuple[Path, Path]:
    """The house on a backup that is older than what its witnesses saw; the backup, and the true log."""
    house.stop()
    backup = back_up(house)
    house.start()
    vouched(witnesses)
    house.ask()
    for _ in range(3):
        vouched(witnesses)
    for witness in witnesses:
        witness.see_all()
    house.stop()
    true = house.settings.audit.rename(house.folder / "true")
    house.settings.audit.mkdir()
    put_back(house, backup)
    house.start()
    return backup, true


def test_restored_backup_is_halted_by_the_first_witness_and_stays_so(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        witness = OneWitness(house, "port", tmp_path / "witness")
        witness.see_all()
        restored(house, [witness])
        seen = witness.size

        witness.step()

        assert witness.size == seen
        assert "witness" in witness.alarms.standing
        with pytest.raises(AuditUnavailable):
            house.ask()
        house.stop()
        with pytest.raises(LogCorrupt, match="put back the newest whole copy"):
            Broker(house.settings)


def test_true_log_put_back_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        witness = OneWitness(house, "port", tmp_path / "witness")
        witness.see_all()
        _, true = restored(house, [witness])
        witness.step()
        house.stop()
        put_back(house, true)

        house.start()

        witness.see_all()
        assert not witness.alarms.standing
        assert house.ask().ticket


def test_backup_that_has_grown_past_what_was_seen_is_a_fork_and_is_halted(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        witness = OneWitness(house, "port", tmp_path / "witness")
        witness.see_all()
        restored(house, [witness])
        while latest(house).size <= witness.size:
            house.ask()

        witness.step()

        with pytest.raises(AuditUnavailable):
            house.ask()


def test_with_a_quorum_nothing_is_signed_or_issued_before_enough_witnesses_are_heard(watched: Two) -> None:
    house, witnesses = watched
    with pytest.raises(Unavailable) as caught:
        house.ask()
    assert caught.value.stable_reason == "witnesses-missing"
    assert latest(house).size == 0

    witnesses[0].step()
    with pytest.raises(Unavailable):
        house.ask()
    assert house.running._parts.log.size > latest(house).size == 0

    witnesses[1].step()
    assert house.ask().ticket
    for witness in witnesses:
        witness.see_all()


def test_refusal_for_want_of_witnesses_is_on_record(watched: Two) -> None:
    house, _ = watched
    with pytest.raises(Unavailable) as caught:
        house.ask()
    (record,) = house.records("administration", reason="witnesses-missing")
    assert record["id"] == caught.value.id


def test_with_a_quorum_a_restored_backup_signs_nothing_and_issues_nothing(watched: Two) -> None:
    house, witnesses = watched
    backup, _ = restored(house, witnesses)
    signed = Layout(backup).checkpoint.read_bytes()

    with pytest.raises(Unavailable):
        house.ask()
    assert house.running._parts.log.checkpoint() == signed
    witnesses[0].step()
    with pytest.raises(AuditUnavailable):
        house.ask()
    witnesses[1].step()
    issued = house.tickets_issued()
    house.stop()

    assert Layout(house.settings.audit).checkpoint.read_bytes() == signed
    assert not list(house.settings.audit.glob("segments/*.seal"))
    assert issued == 1


def test_witness_that_dies_between_storing_and_cosigning_never_cosigns_an_older_one(
    watched: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, witnesses = watched
    witness = witnesses[0]
    for each in witnesses:
        each.step()
    for each in witnesses:
        each.see_all()
    older = house.running._parts.log.checkpoint()
    house.ask()
    with monkeypatch.context() as patched:
        patched.setattr(witness.witness, "_cosign", lambda size, _note: size > size_of(older) and dies())
        with pytest.raises(Killed):
            witness.see_all()

    witness.reborn()

    stored = witness.size
    assert stored > size_of(older)
    cosigned: list[int] = []
    monkeypatch.setattr(witness.witness, "_cosign", lambda size, _note: cosigned.append(size))
    monkeypatch.setattr(house.running._parts.witnesses._rounds, "offer", lambda: older)
    monkeypatch.setattr(house.running._parts.witnesses, "_proof", lambda *_: ())
    witness.step()
    assert cosigned == []
    assert "witness" in witness.alarms.standing


def test_what_cannot_be_stored_is_not_cosigned(watched: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    house, witnesses = watched
    for each in witnesses:
        each.step()
    for each in witnesses:
        each.see_all()
    house.ask()
    witness, seen = witnesses[0], witnesses[0].memory.seen

    def full(*_: object) -> None:
        raise OSError(28, "no space")

    assert seen is not None
    known = seen.checkpoint.size
    monkeypatch.setattr(witness.memory, "_write", full)
    monkeypatch.setattr(witness.witness, "_cosign", lambda size, _note: size > known and dies())
    with pytest.raises(OSError, match="no space"):
        witness.see_all()
    assert witness.memory.seen == seen


class Killed(BaseException):
    """The process ends here."""


def dies(*_: object) -> None:
    raise Killed


def size_of(note: bytes) -> int:
    return Checkpoint.parse(split_note(note)[0]).size
