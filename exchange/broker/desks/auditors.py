"""The log as auditors read it over the wire, and the proof of one record for those of whom it speaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exchange.audit.log import AuditLog
from exchange.audit.proofs.checkpoint import open_checkpoint
from exchange.audit.proofs.merkle import HASH_BYTES
from exchange.audit.proofs.note import VerifierKey
from exchange.audit.proofs.tree import StoredTree
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.sealed import chain, pruned
from exchange.broker.desks.proving import extension, inclusion
from exchange.broker.ledger import Ledger
from exchange.errors import AccessRefused, RequestInvalid, Unavailable
from exchange.model.subject import Kind, Subject
from exchange.wire.auditing import Remains
from exchange.wire.proving import Proven, Wanted

CHUNK_RECORDS_MAX = 256
CHUNK_BYTES_MAX = 1 << 20
SERVICE = "exchange.v1.AuditService"


class AuditDesk:
    """Serves records, checkpoints and proofs; nothing here needs to be believed."""

    def __init__(self, log: AuditLog, ledger: Ledger, tree: StoredTree, key: VerifierKey) -> None:
        self._log = log
        self._ledger = ledger
        self._tree = tree
        self._key = key

    def checkpoint(self, auditor: Subject) -> bytes:
        """The latest signed checkpoint; the reading of it is on record first.

        Raises:
            AuditUnavailable: it cannot be recorded, so nothing is shown.
        """
        self._ledger.done(f"{SERVICE}/GetCheckpoint", auditor)
        return self._log.checkpoint()

    def entries(self, auditor: Subject, start: int, count: int) -> Iterator[tuple[int, list[bytes]]]:
        """Records from `start` on in chunks, each with its first index; `count` 0 means all there are now.

        Raises:
            AuditUnavailable: it cannot be recorded, so nothing is shown.
        """
        target = f"{start}+{count}" if count else f"{start}+"
        self._ledger.done(f"{SERVICE}/ReadEntries", auditor, target)
        chunk: list[bytes] = []
        size, at = 0, start
        for record in self._log.read(start, count or None):
            if chunk and (len(chunk) == CHUNK_RECORDS_MAX or size + len(record) > CHUNK_BYTES_MAX):
                yield at, chunk
                at, chunk, size = at + len(chunk), [], 0
            chunk.append(record)
            size += len(record)
        if chunk:
            yield at, chunk

    def removed(self, auditor: Subject) -> Iterator[Remains]:
        """What retention left of the segments at the beginning; nothing where it removed none.

        Raises:
            AuditUnavailable: it cannot be recorded, so nothing is shown.
        """
        self._ledger.done(f"{SERVICE}/ReadRemoved", auditor)
        layout = Layout(self._log.folder)
        gone = pruned(layout, chain(layout, self._key))
        for seal in gone:
            yield Remains(seal=layout.seal(seal.first).read_bytes())
            yield from (Remains(kept=piece) for piece in _pieces(layout.kept(seal.first)))
        left = gone[-1].size * HASH_BYTES if gone else 0
        for piece in _pieces(layout.leaves):
            if left > 0:
                yield Remains(hashes=piece[:left])
            left -= len(piece)

    def prove(self, asker: Subject, wanted: Wanted) -> Proven:
        """A record with the proofs. An auditor's question is on record first; one's own records are not read.

        Raises:
            AccessRefused: there is no such record, or it does not speak of the asker; the two answer alike.
            Unavailable: `not-covered`, no checkpoint covers it yet; `tree-damaged`, the operator must act.
            RequestInvalid: a tree of that size was never signed.
            AuditUnavailable: it cannot be recorded that an auditor asks.
        """
        note = self._log.checkpoint()
        latest = open_checkpoint(note, self._key)
        if max(wanted.tree_size, wanted.seen_size) > latest.size:
            raise RequestInvalid("no tree of that size was signed yet", reason="tree-unknown")
        record = next(self._log.read(wanted.index, 1), None) if wanted.index < self._log.size else None
        if asker.kind is Kind.AUDITOR:
            self._ledger.done(f"{SERVICE}/ProveInclusion", asker, str(wanted.index))
        if record is None or not (asker.kind is Kind.AUDITOR or _speaks_of(json.loads(record), asker)):
            raise AccessRefused("there is no such record of yours")
        size = wanted.tree_size or latest.size
        if wanted.index >= size:
            raise Unavailable("no checkpoint covers the record yet", reason="not-covered")
        return Proven(
            record=record,
            proof=inclusion(self._tree, record, wanted.index, size, latest),
            checkpoint=note,
            consistency=extension(self._tree, wanted.seen_size, latest),
            log_key=self._key.text,
        )


def _speaks_of(record: dict[str, Any], asker: Subject) -> bool:
    """Whether the record is the asker's own: it acts or speaks there, or serves the dataset in question."""
    if asker.id in {record.get("subject"), record.get("speaker")}:
        return True
    owner = str(record.get("dataset", "")).partition(".")[0]
    return asker.kind is Kind.CONNECTOR and owner == asker.department


def _pieces(path: Path) -> Iterator[bytes]:
    """The file in pieces of whole hashes; b"" is never among them."""
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES_MAX):
            yield piece
