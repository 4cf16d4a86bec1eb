"""What a single record must fulfil, whatever the tree says of it: form, place, time, and its receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from exchange.audit.records.deliveries import is_signed, plain_fields
from exchange.audit.records.entry import KINDS, is_record, parse_canonical
from exchange.audit.verdict import Note, Remark, What

REMARKS_MAX = 100
_RECEIPTS = frozenset({"start", "end", "received", "refusal", "publication"})


class RecordCheck:
    """Goes with one reading of a log, from its first record on."""

    def __init__(self, *, signatures: bool) -> None:
        self.remarks: list[Remark] = []
        self.receipts = 0
        self._signatures = signatures
        self._time = ""
        self._certificates: dict[str, str] = {}

    def check(self, place: int, line: bytes) -> Iterator[tuple[What, str]]:
        """What is wrong with the record in this place."""
        try:
            fields = parse_canonical(line)
        except (ValueError, RecursionError):
            yield "form", f"line {place} is not a record in canonical form"
            return
        if not is_record(fields):
            yield "form", f"line {place} lacks what every record has"
            return
        if fields["index"] != place:
            yield "order", f"the record in place {place} says that it is {fields['index']}"
        if fields["time"] < self._time:
            yield "time", f"record {place} is older than the one before it"
        self._time = fields["time"]
        yield from self._content(place, fields)

    def _content(self, place: int, fields: dict[str, Any]) -> Iterator[tuple[What, str]]:
        kind = fields["kind"]
        if kind not in KINDS:
            self._remark(
                "unknown-kind", place, f"record {place} is of kind {kind!r}, unknown to this version"
            )
        elif kind == "certificate":
            yield from self._certificate(place, fields)
        elif kind in _RECEIPTS and self._signatures and fields.get("statement"):
            yield from self._receipt(place, fields)

    def _certificate(self, place: int, fields: dict[str, Any]) -> Iterator[tuple[What, str]]:
        try:
            fingerprint = hashlib.sha256(bytes.fromhex(fields["der"])).hexdigest()
        except (KeyError, ValueError, TypeError):
            fingerprint = ""
        if fingerprint != fields.get("certificate"):
            yield "receipt", f"the certificate in record {place} does not have the fingerprint it states"
        else:
            self._certificates[fingerprint] = fields["der"]

    def _receipt(self, place: int, fields: dict[str, Any]) -> Iterator[tuple[What, str]]:
        der = self._certificates.get(str(fields.get("certificate")))
        if der is None:
            self._remark(
                "unknown-signer", place, f"the signer's certificate of record {place} is not in the log"
            )
        elif not is_signed(str(fields["statement"]), str(fields.get("signature")), der):
            yield "receipt", f"the signature in record {place} does not fit its statement"
        else:
            self.receipts += 1
        if fields["kind"] != "publication" and not _agrees(fields):
            yield "receipt", f"the fields of record {place} are not what its signed statement says"

    def remark_unfinished(self, place: int) -> None:
        """The file ends in a batch that was still being written; nobody was told that it is recorded."""
        self._remark(
            "unfinished-tail", place, "the last batch is unfinished: copied while written, or a crash"
        )

    def remark_unsigned(self, signed: int, records: int) -> None:
        """Records beyond the checkpoint: the next one will cover them."""
        if records > signed:
            text = f"{records - signed} records from {signed} on are not covered by the checkpoint yet"
            self._remark("unsigned-tail", signed, text)

    def _remark(self, what: Note, index: int, text: str) -> None:
        if len(self.remarks) < REMARKS_MAX:
            self.remarks.append(Remark(what=what, index=index, text=text))


def _agrees(fields: dict[str, Any]) -> bool:
    try:
        stated = plain_fields(parse_canonical(fields["statement"].encode()))
    except (ValueError, KeyError, RecursionError, AttributeError):
        return False
    return all(fields.get(key) == value for key, value in stated.items())
