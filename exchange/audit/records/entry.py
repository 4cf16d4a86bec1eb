"""A record read back: its place and time, its fields, and whether it is of a kind this version knows."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, NoReturn

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from exchange.audit.records.deliveries import EndRecord, ReceivedRecord, RefusalRecord, StartRecord
from exchange.audit.records.kinds import (
    AdministrationRecord,
    CertificateRecord,
    DecisionRecord,
    KeyRecord,
    LogRecord,
    PublicationRecord,
    RegistrationRecord,
    RevocationRecord,
)
from exchange.audit.records.record import MOMENT, RECORD_BYTES_MAX, VERSION, moment_us
from exchange.errors import LogCorrupt
from exchange.model.base import Frozen
from exchange.model.canonical import INTEGER_MAX, is_canonical

AnyRecord = Annotated[
    DecisionRecord
    | StartRecord
    | EndRecord
    | ReceivedRecord
    | RefusalRecord
    | CertificateRecord
    | PublicationRecord
    | RegistrationRecord
    | RevocationRecord
    | AdministrationRecord
    | KeyRecord
    | LogRecord,
    Field(discriminator="kind"),
]
_RECORD: TypeAdapter[AnyRecord] = TypeAdapter(AnyRecord)
KINDS = frozenset(
    {
        "decision",
        "start",
        "end",
        "received",
        "refusal",
        "certificate",
        "publication",
        "registration",
        "revocation",
        "administration",
        "key",
        "log",
    }
)
_LONG_NUMBER = re.compile(rb"[0-9]{16}")


class Entry(Frozen):
    """One record of the log.

    Attributes:
        index: its place, as it says itself.
        time: RFC 3339 text; time_us: the same in unix microseconds.
        kind: known or not.
        fields: the whole object, for showing and searching.
    """

    index: int = Field(ge=0)
    time: str
    time_us: int
    kind: str
    fields: dict[str, Any]

    @classmethod
    def parse(cls, line: bytes) -> Entry:
        """The entry in a line of the log; a kind that this version does not know is read all the same.

        Raises:
            LogCorrupt: not a JSON object in canonical form with version, index, time and kind.
        """
        try:
            fields = parse_canonical(line)
        except (ValueError, RecursionError):
            raise LogCorrupt("a line is not a record in canonical form") from None
        if not is_record(fields):
            raise LogCorrupt("a line lacks what every record has: v, index, time and kind")
        time = fields["time"]
        try:
            micros = moment_us(time)
        except ValueError:  # the 31st of February
            raise LogCorrupt(f"a record has a time that never was: {time}") from None
        return cls(index=fields["index"], time=time, time_us=micros, kind=fields["kind"], fields=fields)

    def record(self) -> AnyRecord | None:
        """The typed record, or None if this version does not know its kind or fields."""
        content = {key: value for key, value in self.fields.items() if key not in {"v", "index", "time"}}
        try:
            return _RECORD.validate_json(json.dumps(content))
        except ValidationError:
            return None


def parse_canonical(line: bytes) -> dict[str, Any]:
    """The object in a canonical line.

    Almost every record takes the short way: parsed and printed again by orjson, in a fifth of the time. It
    accepts nothing that the long way would refuse (a property test holds the two together); what it does not
    accept, the long way judges.

    Raises:
        ValueError: not an object, not canonical, or longer than a record can be.
    """
    if len(line) > RECORD_BYTES_MAX:
        raise ValueError("too long")
    try:
        value = orjson.loads(line)
        if type(value) is dict and orjson.dumps(value) == line and _is_plain(value):
            return value
    except (ValueError, TypeError):  # it cannot read it, or not print it
        pass
    return parse_slowly(line)


_in_order: set[tuple[str, ...]] = set()
"""Keys that were found to be ASCII and in order: a log has few different ones."""
_IN_ORDER_MAX = 64


def _is_plain(fields: dict[str, Any]) -> bool:
    """Keys in order and ASCII; texts, lists of texts, and integers below 2**53 only."""
    names = tuple(fields)
    if names not in _in_order:
        if list(names) != sorted(names) or not "".join(names).isascii():
            return False
        if len(_in_order) < _IN_ORDER_MAX:
            _in_order.add(names)
    for value in [value for value in fields.values() if type(value) is not str]:
        if type(value) is int:
            if not -INTEGER_MAX <= value <= INTEGER_MAX:
                return False
        elif type(value) is not list or not all(type(item) is str for item in value):
            return False
    return True


def parse_slowly(line: bytes) -> dict[str, Any]:
    """The same by the standard library, for whatever JSON there is: what `parse_canonical` is held to.

    An ASCII line has ASCII keys, the parser refuses floats, and without a run of sixteen digits no integer is
    beyond 2**53. What is left is compared byte for byte.

    Raises:
        ValueError: not an object, or not canonical.
    """
    value = _DECODER.decode(line.decode())
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 — bad data, not a misuse
    if line.isascii() and not _LONG_NUMBER.search(line):
        whole = _ENCODER.encode(value).encode() == line
    else:
        whole = is_canonical(line)
    if not whole:
        raise ValueError("not canonical")
    return value


def is_record(fields: dict[str, Any]) -> bool:
    """Whether the object has what every record has: version, index, time and kind."""
    index, time = fields.get("index"), fields.get("time")
    return (
        fields.get("v") == VERSION
        and type(index) is int
        and index >= 0
        and isinstance(time, str)
        and MOMENT.fullmatch(time) is not None
        and isinstance(fields.get("kind"), str)
    )


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


# Built once; json.loads with options would build one for every line.
_DECODER = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse)
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
