"""What a consumer asks for (step 1)."""

from __future__ import annotations

import re
import unicodedata

from pydantic import Field

from exchange.errors import RequestInvalid
from exchange.model.base import Frozen

PURPOSE_CHARS_MAX = 64
_TRACE = re.compile(r"[0-9a-f]{32}")


class ReadRequest(Frozen):
    """One question to the broker.

    Attributes:
        dataset: dataset id.
        purpose: a purpose declared in the city's vocabulary.
        columns: the columns wanted, in order; empty asks for every column the policy allows.
        where: the consumer's predicate as text; "" for none. It acts on masked values (T48).
        row_limit: at most so many rows; None for no limit of the consumer's own.
        trace_id: W3C trace id (32 lower-case hex digits), carried through to every record.
        at_least_revision: the decision must stand on this policy revision or a newer one; 0 for any.
    """

    dataset: str
    purpose: str
    columns: tuple[str, ...] = Field(default=(), max_length=4096)
    where: str = ""
    row_limit: int | None = Field(default=None, ge=1, le=2**62)
    trace_id: str
    at_least_revision: int = Field(default=0, ge=0, le=2**53)


def check_purpose(text: str) -> str:
    """The text itself, if it is shaped like a purpose code.

    Raises:
        RequestInvalid: empty, too long, not NFC, or with characters other than letters, digits, `-`, `_`.
    """
    plain = all(character.isalnum() or character in "-_" for character in text)
    if not text or len(text) > PURPOSE_CHARS_MAX or not plain or not unicodedata.is_normalized("NFC", text):
        raise RequestInvalid("a request names its purpose by its code", hint="for example emergency-response")
    return text


def check_trace_id(text: str) -> str:
    """The text itself, if it is a W3C trace id.

    Raises:
        RequestInvalid: it is not.
    """
    if not _TRACE.fullmatch(text):
        raise RequestInvalid("a trace id is 32 lower-case hex digits")
    return text
