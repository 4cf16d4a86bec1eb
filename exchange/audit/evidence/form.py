"""The evidence file: what it holds and how it is written; docs/audit-record.md describes it for everyone."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from exchange.audit.proofs.merkle import HASH_BYTES
from exchange.audit.proofs.note import NOTE_BYTES_MAX
from exchange.audit.records.record import RECORD_BYTES_MAX
from exchange.errors import LogCorrupt
from exchange.model.base import Frozen

BYTES_MAX = 256 << 20
ENTRIES_MAX = 10_000
_STEPS_MAX = 64

Index = Annotated[int, Field(ge=0, le=2**53 - 1)]
Step = Annotated[str, Field(min_length=44, max_length=44)]


class EvidenceEntry(Frozen):
    """One record and its place.

    Attributes:
        index: of the record.
        record: verbatim; its UTF-8 bytes are the leaf.
        proof: RFC 6962 audit path, base64, from the leaf's sibling up.
    """

    index: Index
    record: Annotated[str, Field(max_length=RECORD_BYTES_MAX)]
    proof: tuple[Step, ...] = Field(max_length=_STEPS_MAX)

    def path(self) -> list[bytes]:
        """The audit path.

        Raises:
            LogCorrupt: a step is no hash.
        """
        try:
            steps = [base64.b64decode(step, validate=True) for step in self.proof]
        except binascii.Error:
            steps = [b""]
        if any(len(step) != HASH_BYTES for step in steps):
            raise LogCorrupt(f"the proof of record {self.index} is malformed", index=self.index)
        return steps


class Evidence(Frozen):
    """Records, proven by one checkpoint.

    Attributes:
        v: version of this form.
        form: says what the file is to whoever opens it.
        asked: the records that are evidence; the others are there to judge them by: the publication of the
            policy revision, and the certificates of those who signed.
        checkpoint: signed note, with the cosignatures of witnesses where there are any.
        entries: in ascending order of index.
    """

    v: Literal[1] = 1
    form: Literal["exchange.v1.evidence"] = "exchange.v1.evidence"
    asked: tuple[Index, ...] = Field(min_length=1, max_length=ENTRIES_MAX)
    checkpoint: Annotated[str, Field(max_length=NOTE_BYTES_MAX)]
    entries: tuple[EvidenceEntry, ...] = Field(min_length=1, max_length=ENTRIES_MAX)

    def encode(self) -> bytes:
        """The one text of this evidence: JSON, sorted keys, two spaces of indentation, UTF-8, a newline."""
        text = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=2, sort_keys=True)
        return text.encode() + b"\n"

    @classmethod
    def parse(cls, data: bytes) -> Evidence:
        """The evidence in a file; nothing of it is verified but its form.

        Raises:
            LogCorrupt: it is not of this form, or of a version that this program does not know.
        """
        if len(data) > BYTES_MAX:
            raise LogCorrupt(f"evidence has at most {BYTES_MAX:,} bytes")
        try:
            found = cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise LogCorrupt(
                f"this is not an evidence file: {place} {first['msg'].lower()}".strip()
            ) from None
        indices = [entry.index for entry in found.entries]
        if indices != sorted(set(indices)) or not set(found.asked) <= set(indices):
            raise LogCorrupt("this is not an evidence file: its records are not in order, or one is missing")
        return found


def entry_of(index: int, record: bytes, path: list[bytes]) -> EvidenceEntry:
    """The entry of a record as it lies in the log.

    Raises:
        LogCorrupt: the record is not UTF-8.
    """
    try:
        text = record.decode()
    except UnicodeDecodeError:
        raise LogCorrupt(f"record {index} is not text", index=index) from None
    steps = tuple(base64.b64encode(step).decode() for step in path)
    return EvidenceEntry(index=index, record=text, proof=steps)
