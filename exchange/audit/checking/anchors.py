"""What was signed of a log: its checkpoint, earlier ones, the one that witnesses cosigned, its seals.

Everything that verification holds the records against comes from here, and only if its signature is genuine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from exchange.audit.checking.parts import Part
from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint
from exchange.audit.proofs.note import NOTE_BYTES_MAX
from exchange.audit.proofs.trust import Checked, TrustPolicy
from exchange.audit.storage.layout import Layout, read_bounded
from exchange.audit.storage.seal import Seal, open_seal
from exchange.audit.verdict import Finding
from exchange.errors import LogCorrupt


@dataclass
class Anchors:
    """The signed statements about one log.

    Attributes:
        origin: of the log.
        signed: the checkpoint to judge by; None if there is no genuine one.
        earlier: those kept from before.
        witnessed: the one that fulfils the quorum; None where no witnesses were asked for, or there is none.
        seals: by the first index of their segment.
        findings: statements that are not genuine (T60).
    """

    origin: str
    signed: Checkpoint | None = None
    earlier: list[Checkpoint] = field(default_factory=list)
    witnessed: Checked | None = None
    seals: dict[int, Seal] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        layout: Layout,
        trust: TrustPolicy,
        parts: Sequence[Part],
        *,
        checkpoint: bytes | None,
        since: Sequence[bytes],
    ) -> Anchors:
        """Open them all.

        Raises:
            ConfigError: the trust policy names several logs.
            OSError: a file is there but cannot be read.
        """
        found = cls(origin=trust.log.name)
        note = checkpoint or _bytes_of(layout, "checkpoint")
        found.signed = found._open("the checkpoint", note, trust)
        for kept in since:
            earlier = found._open("the earlier checkpoint", kept, trust)
            found.earlier += [earlier] if earlier else []
        if not trust.fulfilled_by(()):
            found._witness([note, _bytes_of(layout, "cosigned")], trust)
        for part in parts:
            if part.seal is not None:
                found._seal(part, trust)
        return found

    @property
    def size(self) -> int:
        """So many records are covered by the checkpoint."""
        return self.signed.size if self.signed else 0

    @property
    def awaited(self) -> int:
        """So many records must be there."""
        return max((stated.size for stated in self._checkpoints()), default=0)

    @property
    def watched(self) -> frozenset[int]:
        """Sizes at which a root was signed."""
        return frozenset(
            [stated.size for stated in self._checkpoints()] + [seal.size for seal in self.seals.values()]
        )

    def _checkpoints(self) -> list[Checkpoint]:
        witnessed = [self.witnessed.checkpoint] if self.witnessed else []
        return [*self.earlier, *witnessed, *([self.signed] if self.signed else [])]

    def _open(self, name: str, note: bytes, trust: TrustPolicy) -> Checkpoint | None:
        if not note:
            self._find("there is no signed checkpoint: nothing proves what the log held")
            return None
        try:
            return open_checkpoint(note, trust.log)
        except LogCorrupt as error:
            self._find(f"{name}: {error.public}")
            return None

    def _witness(self, notes: Sequence[bytes], trust: TrustPolicy) -> None:
        reasons: list[str] = []
        for note in filter(None, notes):
            try:
                checked = trust.check(note)
            except LogCorrupt as error:
                reasons.append(error.public)
                continue
            if self.witnessed is None or checked.checkpoint.size > self.witnessed.checkpoint.size:
                self.witnessed = checked
        if self.witnessed is None:
            why = reasons[-1] if reasons else "there is none"
            self._find(f"no checkpoint here bears the cosignatures that the trust policy asks for: {why}")

    def _seal(self, part: Part, trust: TrustPolicy) -> None:
        assert part.seal is not None  # noqa: S101 - for the type checker
        try:
            seal = open_seal(read_bounded(part.seal, NOTE_BYTES_MAX), trust.log)
            wrong = "" if seal.first == part.first else f"it speaks of the one that begins at {seal.first}"
        except LogCorrupt as error:
            wrong = error.public
        if wrong:
            index = max(part.first, 0)
            text = f"the seal of the segment that begins at {index}: {wrong}"
            self.findings.append(Finding(what="seal", index=index, text=text))
        else:
            self.seals[part.first] = seal

    def _find(self, text: str) -> None:
        self.findings.append(Finding(what="checkpoint", index=None, text=text))


def _bytes_of(layout: Layout, name: str) -> bytes:
    try:
        return read_bounded(layout.folder / name, NOTE_BYTES_MAX)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except LogCorrupt:
        return b"\0"  # it is there, and no note
