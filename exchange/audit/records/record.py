"""The final form of a record: one canonical JSON object (RFC 8785), at most 65,535 bytes, one line.

`docs/audit-record.md` describes every field. What a kind means and what it holds never changes; something new
is a new kind, so that a record written today verifies and reads in ten years.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import Field
from pydantic_core import PydanticSerializationError, to_json

from exchange.errors import RequestInvalid
from exchange.model.base import Frozen
from exchange.model.canonical import JsonValue, canonical

VERSION = 1
RECORD_BYTES_MAX = 65535  # a tile's entry bundle prefixes each with a uint16 (c2sp.org/tlog-tiles)
RESERVE_BYTES = 128  # for what the writer adds: index and time

Id = Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")]
Digest = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$", max_length=16384)]
Code = Annotated[str, Field(max_length=128)]
NAME_CHARS_MAX = 256
Name = Annotated[str, Field(max_length=NAME_CHARS_MAX)]
Spiffe = Annotated[str, Field(max_length=2048)]
Line = Annotated[str, Field(max_length=1024)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
_MOMENT = r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
Moment = Annotated[str, Field(pattern=f"^({_MOMENT})?$")]
MOMENT = re.compile(_MOMENT)
"""RFC 3339 in UTC with six decimals: fixed width, so that order of texts is order of times."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# Built once: json.dumps builds an encoder at every call. Models have proved types, ranges and Unicode before.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record encoded but for its index and time, which only the writer knows.

    Canonical form sorts keys, so the two fall between `head` (keys before "index"), `middle` and `tail` (keys
    after "time"); each part ends or begins with its comma already in place.
    """

    head: bytes
    middle: bytes
    tail: bytes

    @property
    def size(self) -> int:
        """Bytes of the record, index and time reckoned at their longest."""
        return len(self.head) + len(self.middle) + len(self.tail) + RESERVE_BYTES

    def line(self, index: int, time: bytes) -> bytes:
        """The canonical record, without a newline.

        Args:
            index: its place in the log.
            time: RFC 3339 text, as `moment` writes it.
        """
        return b'%s"index":%d,%s"time":"%s",%s' % (self.head, index, self.middle, time, self.tail)


class Record(Frozen):
    """What every kind has in common. Absent values are "" (text), never a missing key.

    Attributes:
        id: access id; the decision, START, END and receipts of one access carry the same one.
        trace: W3C trace id.
    """

    id: Id = ""
    trace: Id = ""

    def to_json(self) -> dict[str, Any]:
        """Every field but `index` and `time`, as they are encoded."""
        return {"v": VERSION, **self.model_dump()}

    def encode(self) -> Encoded:
        """The record, ready for the writer.

        Raises:
            RequestInvalid: it is larger than 65,535 bytes, or has text that is not Unicode.
        """
        try:
            text = self._canonical()
        except UnicodeEncodeError:
            raise RequestInvalid("text with a lone surrogate cannot be recorded") from None
        # Inside a text quotes are escaped, so these two can only be the keys themselves.
        head, _, rest = text.partition(b'"index":0,"kind":')
        middle, _, tail = rest.rpartition(b'"time":"","trace":')
        encoded = Encoded(head, b'"kind":' + middle, b'"trace":' + tail)
        if encoded.size > RECORD_BYTES_MAX:
            raise RequestInvalid("this is too large to be recorded", hint="ask for less at once")
        return encoded

    def _canonical(self) -> bytes:
        """The canonical bytes, index and time still empty."""
        order = _plain_keys(type(self))
        if order is not None:
            values = {"v": VERSION, "index": 0, "time": "", **self.__dict__}
            try:
                return to_json({key: values[key] for key in order})
            except PydanticSerializationError:
                pass  # a lone surrogate, most likely: the plain way says so
        return _ENCODER.encode({**self.to_json(), "index": 0, "time": ""}).encode()


@cache
def _plain_keys(kind: type[Record]) -> tuple[str, ...] | None:
    """All keys of a kind in canonical order, if its values are text, integers and lists of them; else None.

    For such values pydantic's encoder, which is several times faster, writes the very same bytes; a property
    test holds the two together. It keeps the order it is given, and would not sort the keys of inner objects.
    """
    if not all(_is_plain(field.annotation) for field in kind.model_fields.values()):
        return None
    return tuple(sorted([*kind.model_fields, "v", "index", "time"]))


def _is_plain(annotation: object) -> bool:
    origin = get_origin(annotation)
    if origin is Annotated or origin is tuple:
        return _is_plain(get_args(annotation)[0])
    return annotation in (str, int) or (
        origin is Literal and all(isinstance(value, str) for value in get_args(annotation))
    )


def moment(unix_us: int) -> str:
    """Unix microseconds as RFC 3339 text in UTC, always with six decimals."""
    seconds, micros = divmod(unix_us, 1_000_000)
    return f"{_second(seconds)}.{micros:06d}Z"


@lru_cache(maxsize=64)
def _second(unix_s: int) -> str:
    return f"{dt.datetime.fromtimestamp(unix_s, dt.UTC):%Y-%m-%dT%H:%M:%S}"


def moment_us(text: str) -> int:
    """The unix microseconds of a text that `moment` wrote.

    Raises:
        ValueError: it is not of that form.
    """
    if not MOMENT.fullmatch(text):
        raise ValueError(text)
    return (dt.datetime.fromisoformat(text) - _EPOCH) // dt.timedelta(microseconds=1)


@lru_cache(maxsize=4096)
def bounded_name(text: str) -> str:
    """A name as `bounded` leaves it at 256 characters; rules are named again and again."""
    return bounded(text, NAME_CHARS_MAX)


def bounded(text: str, chars_max: int) -> str:
    """A stranger's text, fit to be recorded: NFC, U+FFFD for what is not Unicode, cut to length (T61)."""
    head = text[: chars_max + 1].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    plain = unicodedata.normalize("NFC", head)
    return plain if len(plain) <= chars_max else plain[: chars_max - 1] + "…"


def digest_of(value: JsonValue) -> str:
    """SHA-256 (hex) over the canonical JSON of a value; "" for an empty list."""
    return hashlib.sha256(canonical(value)).hexdigest() if value != [] else ""
