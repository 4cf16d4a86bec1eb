"""What stewards may look up to explain and simulate: their own part of an old policy, their own decisions.

A steward sees the city's files and his own department's: all that decides on his datasets, and nothing that
others wrote. Of decisions he sees those on his datasets, which his policy made. Each look is on record first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from exchange.audit.records.entry import Entry
from exchange.broker.ledger import Ledger
from exchange.broker.state.revisions import Revisions
from exchange.errors import LogCorrupt, RequestInvalid
from exchange.model.subject import CITY, Subject
from exchange.policy.files.tree import is_own

SEARCHED_MAX = 200_000
"""Records looked through for one decision, the newest first; older ones are found in a copy of the log."""
_CHUNK = 2048
_ID = re.compile(r"[0-9a-f]{32}")


class _Log(Protocol):
    @property
    def size(self) -> int:
        """Records in the log."""

    @property
    def first(self) -> int:
        """Index of the first record that is here: retention may have removed those before."""

    def read(self, start: int = 0, count: int | None = None) -> Iterator[bytes]:
        """Records from `start` on."""


class QuestionDesk:
    """Answers stewards; nothing here changes anything."""

    def __init__(self, revisions: Revisions, log: _Log, ledger: Ledger) -> None:
        self._revisions = revisions
        self._log = log
        self._ledger = ledger

    def bundle(self, steward: Subject, revision: int) -> dict[str, bytes]:
        """The city's files and the steward's own department's in a revision, by path from the root.

        Raises:
            RequestInvalid: there was no such revision.
            AuditUnavailable: it cannot be recorded, so nothing is shown.
        """
        self._ledger.done("exchange.v1.PolicyService/GetBundle", steward, str(revision))
        found = self._revisions.get(
            revision, lambda path: is_own(path, CITY) or is_own(path, steward.department)
        )
        if found is None:
            raise RequestInvalid(
                f"there is no revision {revision}", hint="exchange policy history lists them"
            )
        return dict(found.tree)

    def decision(self, steward: Subject, access: str) -> bytes:
        """The record of a decision on a dataset of the steward's own department.

        Another department's decision answers exactly like one that never was.

        Raises:
            RequestInvalid: there is none among the newest SEARCHED_MAX records.
            AuditUnavailable: it cannot be recorded, so nothing is shown.
        """
        if not _ID.fullmatch(access):
            raise RequestInvalid("an access id is 32 lower-case hex digits")
        self._ledger.done("exchange.v1.PolicyService/GetDecision", steward, access)
        for line in self._newest_with(access.encode()):
            fields = _fields(line)
            own = str(fields.get("dataset", "")).partition(".")[0] == steward.department
            if own and fields.get("kind") == "decision" and fields.get("id") == access:
                return line
        raise RequestInvalid(
            f"no decision {access} on your datasets among the newest {SEARCHED_MAX:,} records",
            hint="an auditor finds older ones: exchange audit fetch, then explain --id … --audit DIR",
        )

    def _newest_with(self, text: bytes) -> Iterator[bytes]:
        end = self._log.size
        oldest = max(self._log.first, end - SEARCHED_MAX)
        while end > oldest:
            start = max(oldest, end - _CHUNK)
            yield from (line for line in self._log.read(start, end - start) if text in line)
            end = start


def _fields(line: bytes) -> dict[str, object]:
    try:
        return Entry.parse(line).fields
    except LogCorrupt:
        return {}
