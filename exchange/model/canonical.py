"""Canonical JSON (RFC 8785) for what is signed or hashed.

Only objects with ASCII keys, arrays, text, integers below 2**53, booleans and null are allowed: no floats,
whose printing RFC 8785 borrows from ECMAScript. In that subset Python's own encoder with sorted keys emits
the canonical form; a property test holds it to an independent implementation of the RFC.
"""

from __future__ import annotations

import json

from exchange.errors import RequestInvalid

INTEGER_MAX = 2**53 - 1

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | bool | None


def canonical(value: JsonValue) -> bytes:
    """The canonical UTF-8 bytes of a value; no trailing newline.

    Raises:
        RequestInvalid: a float, an integer beyond 2**53 - 1, a key that is not ASCII, or a lone surrogate.
    """
    _check(value)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise RequestInvalid("text with a lone surrogate cannot be recorded") from None


def is_canonical(data: bytes) -> bool:
    """Whether the bytes are the canonical form of the value they parse to."""
    try:
        return canonical(json.loads(data)) == data
    except (ValueError, RecursionError, RequestInvalid):
        return False


def _check(value: JsonValue) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise RequestInvalid("keys of a signed object are ASCII text")
            _check(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item)
    elif isinstance(value, bool) or value is None or isinstance(value, str):
        return
    elif not isinstance(value, int):
        raise RequestInvalid("only objects, arrays, text, integers, booleans and null can be signed")
    elif abs(value) > INTEGER_MAX:
        raise RequestInvalid("an integer beyond 2**53 - 1 cannot be signed")
