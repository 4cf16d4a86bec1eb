"""Canonical JSON equals an independent implementation of RFC 8785 on all that may be signed."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from exchange.errors import RequestInvalid
from exchange.model.canonical import INTEGER_MAX, canonical, is_canonical

text = st.text(st.characters(exclude_categories=["Cs"]))
keys = st.text(st.characters(max_codepoint=127), max_size=10)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_canonical_equals_the_rfc(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(values)
def test_canonical_text_is_recognised_and_any_other_text_of_the_value_is_not(value: object) -> None:
    assert is_canonical(canonical(value))  # type: ignore[arg-type]
    loose = json.dumps(value, indent=1).encode()
    assert is_canonical(loose) == (loose == canonical(value))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [1.0, {"a": float("nan")}, 2**53, [-(2**53)], {"名": 1}, "\ud800", {1: 2}])
def test_what_could_be_written_in_two_ways_is_refused(value: object) -> None:
    with pytest.raises(RequestInvalid):
        canonical(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [b"", b"{", b"1.0", b'{"b":1,"a":2}', b'{"a": 1}', b"\xff", b"[" * 10000])
def test_other_bytes_are_not_canonical(data: bytes) -> None:
    assert not is_canonical(data)
