"""Policy files in messages: whatever is sent comes out again, and nothing unfolds beyond all measure."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.errors import RequestInvalid
from exchange.v1.policy_pb2 import PolicyFile
from exchange.wire import policy_files
from exchange.wire.policy_files import files_from_wire, files_to_wire

LINES = b"p, role:researcher, port.flights, read, transport-research, allow\n" * 5000


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.binary(max_size=3000), max_size=4))
def test_files_come_out_as_they_went_in(files: dict[str, bytes]) -> None:
    assert files_from_wire(files_to_wire(files)) == files


def test_lines_that_are_alike_are_sent_short_and_the_rest_as_it_is() -> None:
    short, long = files_to_wire({"a.yaml": b"few", "grants.csv": LINES})
    assert (short.content, short.deflated) == (b"few", b"")
    assert (long.content, len(long.deflated) < len(LINES) // 20) == (b"", True)


@pytest.mark.parametrize(
    "messages",
    [
        [PolicyFile(path="a", content=b"1"), PolicyFile(path="a", content=b"1")],
        [PolicyFile(path="a", content=b"1", deflated=zlib.compress(b"1"))],
        [PolicyFile(path="a", deflated=b"nonsense")],
        [PolicyFile(path="a", deflated=zlib.compress(LINES)[:-5])],
        [PolicyFile(path="a", deflated=zlib.compress(LINES) + b"more")],
    ],
    ids=["twice", "both", "nonsense", "cut", "more"],
)
def test_what_is_no_file_is_refused(messages: list[PolicyFile]) -> None:
    with pytest.raises(RequestInvalid):
        files_from_wire(messages)


def test_t65_what_unfolds_beyond_the_bound_is_refused_before_it_is_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(policy_files, "FILES_BYTES_MAX", 1 << 20)
    bomb = PolicyFile(path="a", deflated=zlib.compress(bytes(64 << 20), 9))
    assert len(bomb.deflated) < 1 << 17
    half = PolicyFile(path="b", content=bytes(600_000))
    for messages in ([bomb], [half, PolicyFile(path="c", deflated=zlib.compress(bytes(600_000)))]):
        with pytest.raises(RequestInvalid, match="larger than 1 MB together"):
            files_from_wire(messages)


def test_exactly_as_much_as_is_allowed_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_files, "FILES_BYTES_MAX", 2 * len(LINES))
    files = {"a": LINES, "b": LINES}
    assert files_from_wire(files_to_wire(files)) == files
