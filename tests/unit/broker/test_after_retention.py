"""A broker whose log retention has shortened: it starts and remembers its revisions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from audit_house import open_log
from evidence_house import publication
from kept_house import SMALL, grown, shortened

from exchange.audit.log import AuditLog
from exchange.audit.records.entry import Entry
from exchange.broker.state.catch_up import catch_up, seen
from exchange.broker.state.store import Store
from exchange.errors import RecordGone

PUBLISHED = 1


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    """The oldest segment, which holds a publication, has been removed."""
    with open_log(tmp_path / "log", limits=SMALL) as begun:
        assert begun.append(publication(2)) == PUBLISHED
    grown(tmp_path / "log")
    shortened(tmp_path / "log")
    with open_log(tmp_path / "log", limits=SMALL) as opened:
        assert opened.first > PUBLISHED
        yield opened


def test_a_database_that_saw_nothing_catches_up_from_the_first_record_there_is(
    log: AuditLog, tmp_path: Path
) -> None:
    with closing(Store(tmp_path / "database")) as store:
        assert catch_up(store, log) == log.size - log.first
        assert seen(store) == log.size


def test_the_publication_of_a_revision_is_found_where_retention_kept_it(log: AuditLog) -> None:
    assert Entry.parse(log.one(PUBLISHED)).kind == "publication"


def test_a_record_that_was_not_kept_is_gone(log: AuditLog) -> None:
    with pytest.raises(RecordGone):
        log.one(PUBLISHED + 3)
    assert Entry.parse(log.one(log.first)).index == log.first
