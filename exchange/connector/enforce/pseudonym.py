"""Keyed pseudonyms: equal values look equal, and nobody without the key learns which value it was.

pseudonym = first 128 bits of HMAC-SHA-256(key of scope, column || typed value), as hex. The key of a scope is
HKDF-SHA-256 (RFC 5869) of the department's master key, so pseudonyms of different scopes or departments are
unrelated (T54). Every part of the message carries its length: no two messages coincide by concatenation.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exchange.errors import ConfigError

KEY_BYTES_MIN = 32
CACHE_VALUES_MAX = 1 << 16
_DIGITS = 32
_INFO = b"exchange.v1.pseudonym:"
_NS_PER = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}


def scope_key(master: bytes, scope: str) -> bytes:
    """The key of one scope.

    Raises:
        ConfigError: the master key is shorter than 256 bits.
    """
    if len(master) < KEY_BYTES_MIN:
        raise ConfigError(f"a pseudonym key has at least {KEY_BYTES_MIN} random bytes")
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO + scope.encode()).derive(master)


class Pseudonymiser:
    """Pseudonyms of one column in one scope, for the life of one stream.

    Values already seen are remembered, at most CACHE_VALUES_MAX of them, so memory is bounded.

    Args:
        master: the department's master key.
        scope: whom the pseudonyms are comparable for.
        column: the column's name.
    """

    def __init__(self, master: bytes, scope: str, column: str) -> None:
        self._keyed = hmac.new(scope_key(master, scope), _part(column.encode()), "sha256")
        self._seen: dict[object, str] = {}
        self._kind: pa.DataType | None = None

    def __call__(self, values: pa.Array) -> pa.Array:
        """The pseudonyms as text; null stays null. Each distinct value is hashed once."""
        encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        distinct = encoded.dictionary
        if len(self._seen) + len(distinct) > CACHE_VALUES_MAX or distinct.type != self._kind:
            self._seen.clear()  # of another type, too: Python takes 1 and 1.0 for one key
        self._kind = distinct.type
        write = _writer(distinct.type)
        names = pa.array([self._name(value, write) for value in _plain(distinct)], pa.string())
        return pc.take(names, encoded.indices)

    def _name(self, value: object, write: Callable[[object], bytes]) -> str | None:
        if value is None:
            return None
        known = self._seen.get(value)
        if known is None:
            keyed = self._keyed.copy()
            keyed.update(write(value))
            known = self._seen[value] = keyed.hexdigest()[:_DIGITS]
        return known


def _part(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big") + data


def _plain(distinct: pa.Array) -> list[object]:
    """The values as Python's; dates and timestamps as the integers they are stored as."""
    kind = distinct.type
    if pa.types.is_date32(kind):
        distinct = distinct.view(pa.int32())
    elif pa.types.is_date64(kind) or pa.types.is_timestamp(kind):
        distinct = distinct.view(pa.int64())
    elif pa.types.is_floating(kind):
        distinct = distinct.cast(pa.float64())
    listed: list[object] = distinct.to_pylist()
    return listed


def _writer(kind: pa.DataType) -> Callable[[object], bytes]:
    """How a value of this type is written: a tag for its family and one spelling for equal values.

    Widths, units and layouts do not matter (int8 1 is int64 1), families do (1 is not "1").
    """
    if pa.types.is_timestamp(kind):
        factor = _NS_PER[kind.unit]
        return lambda value: b"timestamp:%d" % (cast("int", value) * factor)
    return next(write for test, write in _WRITERS if test(kind))


def _decimal_text(value: Decimal) -> str:
    """One spelling for equal decimals: no exponent, no trailing zeros of the fraction."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


_WRITERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], bytes]], ...] = (
    (pa.types.is_integer, lambda value: b"integer:%d" % value),
    (pa.types.is_floating, lambda value: b"float:" + repr(value + 0.0).encode()),  # the two zeros are one
    (pa.types.is_decimal, lambda value: b"decimal:" + _decimal_text(value).encode()),
    (pa.types.is_date32, lambda value: b"date:%d" % value),
    (pa.types.is_date64, lambda value: b"date:%d" % (value // 86_400_000)),
    (pa.types.is_string, lambda value: b"text:" + value.encode()),
    (pa.types.is_large_string, lambda value: b"text:" + value.encode()),
    (lambda _: True, lambda value: b"binary:" + value),
)
