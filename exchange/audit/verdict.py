"""What verification found, as values: for people, for JSON, and for tests."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from exchange.model.base import Frozen

What = Literal[
    "edited",
    "deleted",
    "inserted",
    "reordered",
    "truncated",
    "altered",
    "framing",
    "order",
    "time",
    "form",
    "leaves",
    "checkpoint",
    "fork",
    "receipt",
    "seal",
    "kept",
]
Note = Literal[
    "unsigned-tail", "unfinished-tail", "unknown-kind", "unknown-signer", "retained", "beyond-cosigned"
]


class Finding(Frozen):
    """Something that proves the log altered or damaged.

    Attributes:
        what: the kind of alteration; "altered" where only a range can be named.
        index: the record, or the first of the range; None where no record can be named.
        last: the last record of the range; equal to `index` when the record is named exactly.
        text: for people.
    """

    what: What
    index: int | None
    last: int | None = None
    text: str

    @property
    def exact(self) -> bool:
        """Whether one record is named."""
        return self.index is not None and self.last == self.index


class Remark(Frozen):
    """Something a reader should know that proves nothing against the log."""

    what: Note
    index: int | None
    text: str


class Verdict(Frozen):
    """The result of verifying.

    Attributes:
        whole: no finding: every record below the checkpoint is exactly what was signed.
        records: so many were read; signed: so many of them the checkpoint covers.
        root: root (hex) over all that was read.
        origin: of the log.
        findings: by index, those without one last.
        remarks: likewise.
        receipts: so many signatures of connectors and consumers were checked and are good.
        removed: so many of the records are known by their hashes only: retention removed them.
        sealed: so many segments fit their seals.
        cosigned: so many of the records are covered by a checkpoint that a quorum of witnesses cosigned.
        cosigned_by: those witnesses' names; none where no witnesses were asked for.
    """

    whole: bool
    records: int = Field(ge=0)
    signed: int = Field(ge=0)
    root: str
    origin: str
    findings: tuple[Finding, ...] = ()
    remarks: tuple[Remark, ...] = ()
    receipts: int = Field(default=0, ge=0)
    removed: int = Field(default=0, ge=0)
    sealed: int = Field(default=0, ge=0)
    cosigned: int = Field(default=0, ge=0)
    cosigned_by: tuple[str, ...] = ()
