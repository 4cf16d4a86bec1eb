"""Hold what was read against what was signed, and say what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from exchange.audit.checking.anchors import Anchors
from exchange.audit.checking.parts import Part
from exchange.audit.checking.reader import Reader
from exchange.audit.diagnose import leaves_are_authentic, name_alteration
from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.records.retention import Retained
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.seal import Seal
from exchange.audit.verdict import Verdict, What

_STANDING: frozenset[What] = frozenset({"fork", "kept", "seal", "deleted"})
"""Findings that are no consequence of a record altered elsewhere."""


def judged(
    layout: Layout,
    parts: Sequence[Part],
    anchors: Anchors,
    reader: Reader,
    digests: Mapping[Path, tuple[int, str]],
) -> Verdict:
    """The verdict on a log that was read.

    Args:
        layout: of the log.
        parts: its segments.
        anchors: what was signed.
        reader: has read all of them.
        digests: length and SHA-256 of the sealed files.
    """
    for finding in anchors.findings:
        reader.findings.setdefault(finding.what, finding)
    bench = _Bench(layout, parts, anchors, reader)
    bench.checkpoints()
    sealed = bench.seals(digests)
    bench.removals()
    size = reader.frontier.size
    witnessed = anchors.witnessed
    reader.records.remark_removed(reader.removed)
    if witnessed is not None:
        reader.records.remark_beyond(witnessed.checkpoint.size, size)
    order = sorted(reader.findings.values(), key=lambda found: (found.index is None, found.index or 0))
    return Verdict(
        whole=not order,
        records=size,
        signed=anchors.size,
        root=reader.frontier.root().hex(),
        origin=anchors.origin,
        findings=tuple(order),
        remarks=tuple(reader.records.remarks),
        receipts=reader.records.receipts,
        removed=reader.removed,
        sealed=sealed,
        cosigned=witnessed.checkpoint.size if witnessed else 0,
        cosigned_by=tuple(witness.name for witness in witnessed.cosigned_by) if witnessed else (),
    )


class _Bench:
    """Where the pieces are compared."""

    def __init__(self, layout: Layout, parts: Sequence[Part], anchors: Anchors, reader: Reader) -> None:
        self._layout, self._parts, self._anchors, self._reader = layout, parts, anchors, reader

    def checkpoints(self) -> None:
        """The roots against those signed now, earlier, and before witnesses; names what was altered."""
        signed, reader = self._anchors.signed, self._reader
        for earlier in self._anchors.earlier:
            self._extends(earlier, "signed earlier")
        if self._anchors.witnessed is not None:
            self._extends(self._anchors.witnessed.checkpoint, "that witnesses cosigned")
        if signed is None:
            return
        for earlier in self._anchors.earlier:
            if signed.size < earlier.size:
                text = (
                    f"the checkpoint covers {signed.size} records, the earlier one {earlier.size}: restored?"
                )
                reader.find("fork", None, text)
        if reader.roots.get(signed.size) == signed.root:
            reader.records.remark_unsigned(signed.size, reader.frontier.size)
        else:
            self._name(signed)

    def seals(self, digests: Mapping[Path, tuple[int, str]]) -> int:
        """Each seal against its file and the tree; how many fit."""
        fitting = 0
        for part in self._parts:
            seal = self._anchors.seals.get(part.first)
            if seal is not None:
                text = self._misfit(seal, part, digests)
                if text:
                    self._reader.find("seal", seal.first, text, seal.size - 1)
                fitting += not text
        return fitting

    def removals(self) -> None:
        """Records may be missing only where the log says, below its checkpoint, that they were removed.

        A record beyond the checkpoint could be anybody's.
        """
        signed = self._anchors.size
        said = {(it.first, it.size): it for it, at in self._reader.records.retained.items() if at < signed}
        for part in self._parts:
            seal = self._anchors.seals.get(part.first)
            if part.log is None and seal is not None:
                self._removal(seal, said.get((seal.first, seal.size)))

    def _removal(self, seal: Seal, said: Retained | None) -> None:
        span = f"records {seal.first} to {seal.size - 1}"
        if said is None:
            text = f"{span} are gone, and the log does not say that retention removed them"
            self._reader.find("deleted", seal.first, text, seal.size - 1)
        elif self._reader.kept.get(seal.first) not in {None, said.kept}:
            text = f"what is kept of {span} is not what the log says was kept"
            self._reader.find("kept", seal.first, text, seal.size - 1)

    def _misfit(self, seal: Seal, part: Part, digests: Mapping[Path, tuple[int, str]]) -> str:
        span = f"records {seal.first} to {seal.size - 1}"
        root = self._reader.roots.get(seal.size)
        if root is not None and root != seal.root:
            return f"{span}: the root over them is not the sealed one"
        if part.log is not None and digests.get(part.log) != (seal.length, seal.digest):
            return f"the file of {span} is not the one that was sealed"
        return "" if root is not None else f"{span}: the segment does not end where its seal says"

    def _extends(self, earlier: Checkpoint, whose: str) -> None:
        if self._reader.roots.get(earlier.size) != earlier.root:
            text = f"the first {earlier.size} records are not those {whose}"
            self._reader.find("fork", None, text)

    def _name(self, signed: Checkpoint) -> None:
        """The records are not those that were signed: find out which, as exactly as the evidence allows."""
        reader, size = self._reader, self._reader.frontier.size
        if leaves_are_authentic(self._layout, signed):
            segments = [part.log for part in self._parts if part.log is not None]
            named = name_alteration(self._layout, segments, signed, reader.removed)
            if named is not None:
                # Exact and proven; what else was seen are consequences of it.
                standing = {what: found for what, found in reader.findings.items() if what in _STANDING}
                reader.findings = standing | {named.what: named}
                return
        if size < signed.size:
            text = f"{size} records are here, {signed.size} were signed"
            reader.find("truncated", size, text, signed.size - 1)
        elif not any(found.index is not None for found in reader.findings.values()):
            reader.find("altered", 0, "the records are not those that were signed", signed.size - 1)
        reader.find("checkpoint", None, f"the root over {signed.size} records is not the signed one")
