"""What can be asked about revisions: which is in force, who published the others and why, what they said."""

from __future__ import annotations

from exchange.audit.records.entry import Entry
from exchange.audit.records.kinds import PublicationRecord
from exchange.broker.alarm import PolicyAlarm
from exchange.broker.state.catch_up import Readable
from exchange.broker.state.revisions import Note, Revisions
from exchange.errors import RequestInvalid
from exchange.model.subject import Subject
from exchange.policy.files.tree import is_own, own_part
from exchange.policy.holder import BundleHolder
from exchange.wire.revisions import History, InForceNow, RevisionEntry

HISTORY_MAX = 100


class HistoryDesk:
    """Answers stewards; nothing here changes anything."""

    def __init__(self, holder: BundleHolder, revisions: Revisions, log: Readable, alarm: PolicyAlarm) -> None:
        self._holder = holder
        self._revisions = revisions
        self._log = log
        self._alarm = alarm

    def revision(self) -> InForceNow:
        """The revision in force, its digest, and whether a publication has failed since."""
        bundle = self._holder.current
        return InForceNow(revision=bundle.revision, digest=bundle.digest, alarm=self._alarm.standing)

    def history(self, before: int, count: int) -> History:
        """Revisions older than `before` (0: from the newest on), newest first; at most HISTORY_MAX."""
        wanted = min(count or HISTORY_MAX, HISTORY_MAX)
        notes = self._revisions.notes(before or self._holder.current.revision + 1, wanted)
        return History(revisions=tuple(map(self._entry, notes)), alarm=self._alarm.standing)

    def part(self, steward: Subject, revision: int) -> dict[str, bytes]:
        """The files of the steward's own department as they stood in a revision.

        Raises:
            RequestInvalid: there was no such revision.
        """
        found = self._revisions.get(revision, lambda path: is_own(path, steward.department))
        if found is None:
            raise RequestInvalid(
                f"there is no revision {revision}", hint="exchange policy history lists them"
            )
        return own_part(found.tree, steward.department)

    def _entry(self, note: Note) -> RevisionEntry:
        # who, when and why stand in the audit log, which is the truth; the database only points there
        entry = Entry.parse(self._log.one(note.audit_index))
        record = entry.record()
        known = record if isinstance(record, PublicationRecord) else None
        return RevisionEntry(
            revision=note.number,
            digest=note.digest,
            publisher=known.subject if known else "",
            department=known.department if known else "",
            message=known.message if known else "",
            at_us=entry.time_us,
            audit_index=note.audit_index,
        )
