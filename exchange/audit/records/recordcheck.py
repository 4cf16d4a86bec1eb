"""What a single record must fulfil, whatever the tree says of it: form, place, time, and its receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from exchange.audit.records.deliveries import is_signed_by, plain_fields, signer_key
from exchange.audit.records.entry import KINDS, is_record, parse_canonical
from exchange.audit.records.retention import Retained
from exchange.audit.verdict import Note, Remark, What

REMARKS_MAX = 100
_RECEIPTS = frozenset({"start", "end", "received", "refusal", "publication"})
_LOOKED_INTO = _RECEIPTS | {"certificate", "administration"}
_PLAIN = KINDS - _LOOKED_INTO

Wrong = Sequence[tuple[What, str]]


class RecordCheck:
    """Goes with one reading of a log, from its first record on, or from a later one.

    Attributes:
        remarks: at most `REMARKS_MAX`, in order.
        receipts: so many signatures are good.
        first_time, time: of the first and the last record read; "" for none.
        certificates: by fingerprint the index of the first record that has it, and the DER, hex.
        met: fingerprint and index of those that stood in what was read.
        retained: what retention removed, with the place of the record that says so.
    """

    def __init__(
        self, *, signatures: bool, certificates: Mapping[str, tuple[int, str]] | None = None
    ) -> None:
        self.remarks: list[Remark] = []
        self.receipts = 0
        self.first_time = self.time = ""
        self.certificates = dict(certificates or {})
        self.retained: dict[Retained, int] = {}
        self.met: dict[str, int] = {}
        self._signatures = signatures
        self._keys: dict[str, EllipticCurvePublicKey | None] = {}

    def check(self, place: int, line: bytes) -> Wrong:
        """What is wrong with the record in this place."""
        try:
            fields = parse_canonical(line)
        except (ValueError, RecursionError):
            return (("form", f"line {place} is not a record in canonical form"),)
        if not is_record(fields):
            return (("form", f"line {place} lacks what every record has"),)
        wrong: Wrong = ()
        time = fields["time"]
        if fields["index"] != place:
            wrong = (("order", f"the record in place {place} says that it is {fields['index']}"),)
        if time < self.time:
            wrong = (*wrong, ("time", f"record {place} is older than the one before it"))
        self.first_time = self.first_time or time
        self.time = time
        return wrong if fields["kind"] in _PLAIN else (*wrong, *self._content(place, fields))

    def _content(self, place: int, fields: dict[str, Any]) -> Iterator[tuple[What, str]]:
        kind = fields["kind"]
        if kind not in KINDS:
            self._remark(
                "unknown-kind", place, f"record {place} is of kind {kind!r}, unknown to this version"
            )
        elif kind == "certificate":
            yield from self._certificate(place, fields)
        elif kind == "administration":
            if retained := Retained.of(fields):
                self.retained.setdefault(retained, place)
        elif self._signatures and fields.get("statement"):
            yield from self._receipt(place, fields)

    def _certificate(self, place: int, fields: dict[str, Any]) -> Iterator[tuple[What, str]]:
        try:
            fingerprint = hashlib.sha256(bytes.fromhex(fields["der"])).hexdigest()
        except (KeyError, ValueError, TypeError):
            fingerprint = ""
        if fingerprint != fields.get("certificate"):
            yield "receipt", f"the certificate in record {place} does not have the fingerprint it states"
        else:
            self.met.setdefault(fingerprint, place)
            self.certificates.setdefault(fingerprint, (place, fields["der"]))

    def _receipt(self, place: int, fields: dict[str, Any]) -> Iterator[tuple[What, str]]:
        fingerprint = str(fields.get("certificate"))
        known_at, der = self.certificates.get(fingerprint, (place, ""))
        if known_at >= place:
            self._remark(
                "unknown-signer", place, f"the signer's certificate of record {place} is not in the log"
            )
        elif not is_signed_by(
            self._key(fingerprint, der), str(fields["statement"]), str(fields.get("signature"))
        ):
            yield "receipt", f"the signature in record {place} does not fit its statement"
        else:
            self.receipts += 1
        if fields["kind"] != "publication" and not _agrees(fields):
            yield "receipt", f"the fields of record {place} are not what its signed statement says"

    def _key(self, fingerprint: str, der: str) -> EllipticCurvePublicKey | None:
        if fingerprint not in self._keys:
            self._keys[fingerprint] = signer_key(der)
        return self._keys[fingerprint]

    def remark_unfinished(self, place: int) -> None:
        """The file ends in a batch that was still being written; nobody was told that it is recorded."""
        self._remark(
            "unfinished-tail", place, "the last batch is unfinished: copied while written, or a crash"
        )

    def remark_unsigned(self, signed: int, records: int) -> None:
        """Records beyond the checkpoint: the next one will cover them. Until then nothing proves them."""
        if records > signed:
            text = (
                f"{records - signed} records from {signed} on are not covered by the checkpoint: nothing "
                "proves them yet; if they are older than a moment, ask for a newer checkpoint"
            )
            self._remark("unsigned-tail", signed, text)

    def remark_removed(self, removed: int) -> None:
        """Records that retention removed."""
        if removed:
            self._remark("retained", 0, f"{removed} records removed under retention, their hashes are kept")

    def remark_beyond(self, cosigned: int, records: int) -> None:
        """Records that no quorum of witnesses vouches for yet."""
        if records > cosigned:
            text = f"{records - cosigned} records from {cosigned} on are beyond the cosigned checkpoint"
            self._remark("beyond-cosigned", cosigned, text)

    def _remark(self, what: Note, index: int, text: str) -> None:
        if len(self.remarks) < REMARKS_MAX:
            self.remarks.append(Remark(what=what, index=index, text=text))


def _agrees(fields: dict[str, Any]) -> bool:
    try:
        stated = plain_fields(parse_canonical(fields["statement"].encode()))
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        return False
    # a loop, not `all`: most records come by here
    for key, value in stated.items():  # noqa: SIM110
        if fields.get(key) != value:
            return False
    return True
