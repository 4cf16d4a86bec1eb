"""The broker archives its log and removes what is too old, recorded before it happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_house import NOON_US, PUBLIC, MovedClock, decision, judged, open_log
from kept_house import BROKER, DAY_US, SMALL, grown, seals_of

from exchange.audit.keeping.restore import restore
from exchange.audit.log import AuditLog
from exchange.audit.records.entry import Entry
from exchange.audit.records.retention import RETAIN_CALL
from exchange.audit.storage.layout import Layout
from exchange.broker.keeper import Keeper
from exchange.broker.settings import RetentionSettings
from exchange.errors import ConfigError, LogCorrupt

LATER = MovedClock(NOON_US + 500 * DAY_US)


def keeper(log: AuditLog, **wanted: object) -> Keeper:
    return Keeper(log, PUBLIC, RetentionSettings.model_validate(wanted), BROKER, LATER)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return grown(tmp_path / "log", batches=6)


def test_old_records_go_into_the_archive_and_out_of_the_log(folder: Path, tmp_path: Path) -> None:
    lines = len(seals_of(folder))
    with open_log(folder, clock=LATER, limits=SMALL) as log:
        gone = keeper(log, keep_days=400, archive=tmp_path / "archive").round()
        recorded = [Entry.parse(line).fields for line in log.read(gone[-1].size)]
    assert len(gone) == lines
    verdict = judged(folder)
    assert (verdict.findings, verdict.removed) == ((), gone[-1].size)
    said = [fields["subject"] for fields in recorded if fields.get("call") == RETAIN_CALL]
    assert said == [BROKER] * len(gone)
    restore(tmp_path / "archive", tmp_path / "back")
    back = judged(tmp_path / "back")
    assert (back.whole, back.removed) == (True, 0)


def test_what_is_young_stays(folder: Path) -> None:
    with open_log(folder, clock=LATER, limits=SMALL) as log:
        assert keeper(log, keep_days=600, no_archive=True).round() == []
    assert judged(folder).removed == 0


def test_a_broker_may_archive_only(folder: Path, tmp_path: Path) -> None:
    with open_log(folder, clock=LATER, limits=SMALL) as log:
        assert keeper(log, archive=tmp_path / "archive").round() == []
    assert (tmp_path / "archive" / "checkpoint").exists()


def test_what_was_altered_is_neither_archived_nor_removed(folder: Path, tmp_path: Path) -> None:
    with open_log(folder, clock=LATER, limits=SMALL) as log:
        path = Layout(folder).segment(0)
        path.write_bytes(path.read_bytes().replace(b'"allow"', b'"deny"', 1))
        with pytest.raises(LogCorrupt):
            keeper(log, keep_days=400, archive=tmp_path / "archive").round()
    assert path.exists()


@pytest.mark.parametrize("wanted", [{}, {"archive": "archive", "no_archive": True}], ids=["neither", "both"])
def test_who_shortens_says_whether_the_payload_is_kept(
    folder: Path, tmp_path: Path, wanted: dict[str, object]
) -> None:
    if "archive" in wanted:
        wanted = wanted | {"archive": tmp_path / "archive"}
    with open_log(folder, clock=LATER) as log, pytest.raises(ConfigError, match="keep_days"):
        keeper(log, keep_days=400, **wanted)


def test_a_keeper_that_is_started_does_its_round_and_ends(folder: Path) -> None:
    with open_log(folder, clock=LATER, limits=SMALL) as log:
        running = keeper(log, keep_days=400, no_archive=True)
        running.start()
        while Layout(folder).segment(0).exists():
            log.append(decision(1))
        running.close()
        running.close()
    assert judged(folder).whole
