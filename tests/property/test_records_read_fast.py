"""The fast ways to read a log accept and find nothing else than the plain ones they stand for."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.audit.proofs.merkle import Frontier
from exchange.audit.records.entry import parse_canonical, parse_slowly
from exchange.audit.storage.segment import Batch, _batch, _Lines, encode_batch, encode_commit, scan

NAMES = st.text(max_size=6) | st.sampled_from(["a", "b", "v", "kind", "\uffff", "\U00010000", "名"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**53 - 1, 2**53, -(2**53), 2**63, 2**64, 10**30, 0])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["\x7f", "\x1f", "\b", "\u2028", "/", '"\\', "\ud800", "1.5", ":3.0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def read(parse: Any, line: bytes) -> Any:
    """What it gives; "refused" where it refuses."""
    try:
        return json.dumps(parse(line))
    except (ValueError, RecursionError):
        return "refused"


@given(
    value=st.dictionaries(NAMES, VALUES, max_size=6),
    ordered=st.booleans(),
    ascii_only=st.booleans(),
    comma=st.sampled_from([",", ", "]),
)
@settings(max_examples=400, deadline=None)
def test_a_json_object_however_printed_is_read_alike(
    value: dict[str, Any], *, ordered: bool, ascii_only: bool, comma: str
) -> None:
    text = json.dumps(value, sort_keys=ordered, ensure_ascii=ascii_only, separators=(comma, ":"))
    line = text.encode("utf-8", "surrogatepass")
    assert read(parse_canonical, line) == read(parse_slowly, line)


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.data())
@settings(max_examples=400, deadline=None)
def test_a_line_with_bytes_changed_is_read_alike(value: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    line = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(line) - 1))
        line[at : at + data.draw(st.integers(0, 1))] = data.draw(st.binary(max_size=2))
        line = line or bytearray(b" ")
    assert read(parse_canonical, bytes(line)) == read(parse_slowly, bytes(line))


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":1,"a":1}',
        b'{"a":-0}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":9007199254740992}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\\u001F"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xc0\x80"}',
        b'{"b":1,"a":1}',
        '{"名":1}'.encode(),
        b'{"a":{"b":1.5}}',
        b'{"a":[1.5]}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1} ',
        b' {"a":1}',
        b'["a"]',
        b"",
        b"{",
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_what_is_not_canonical_is_refused_either_way(line: bytes) -> None:
    assert read(parse_canonical, line) == read(parse_slowly, line) == "refused"


@pytest.mark.parametrize(
    "line", [b"{}", b'{"a":"\\u001f\x7f"}', '{"a":"名\U0001f600"}'.encode(), b'{"a":[]}']
)
def test_what_is_canonical_is_accepted_either_way(line: bytes) -> None:
    assert parse_canonical(line) == parse_slowly(line) == json.loads(line)


def plainly(path: Path) -> list[Batch]:
    """Without any short way: batches whose body is as promised; line by line from the first other one."""
    text, found, offset = path.read_bytes(), [], 0
    while header := re.match(rb"#batch (\d+) (\d+) (\d+) ([0-9a-f]{64})\n", text[offset:]):
        start = offset + header.end()
        body = text[start : start + int(header[3])]
        records = body.split(b"\n")[:-1]
        if hashlib.sha256(body).hexdigest().encode() != header[4] or len(records) != int(header[2]):
            break
        batch = Batch(offset, start + len(body), start + len(body), int(header[1]), records)
        if commit := re.match(rb"#commit (\d+) ([0-9a-f]{64})\n", text[batch.end :]):
            batch.commit = (int(commit[1]), bytes.fromhex(commit[2].decode()))
            batch.end += commit.end()
        found.append(batch)
        offset = batch.end
    with path.open("rb") as file:
        file.seek(offset)
        lines = _Lines(file, offset, None)
        while lines.current:
            batch = _batch(lines)
            behind = re.search(rb"^#commit \d+ [0-9a-f]{64}\n", text[batch.offset :], re.MULTILINE)
            batch.followed |= behind is not None
            found.append(batch)
        return found


def three_batches() -> bytes:
    text, size = b"", 0
    for records in ([b'{"a":1}', b'{"b":2}'], [b'{"c":"#batch"}'], [b"{}", b"{}", b'{"z":3}']):
        text += encode_batch(size, records)
        size += len(records)
        text += encode_commit(size, bytes([size]) * 32)
    return text


GENUINE = three_batches()


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_a_segment_with_bytes_changed_is_read_as_it_is_plainly(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = bytearray(GENUINE)
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(text)))
        more = data.draw(st.sampled_from([b"", b"\n", b"#", b"\n#", b"x", GENUINE[:95], b"#commit 2 "]))
        text[at : at + data.draw(st.integers(0, 200))] = more
    path = tmp_path_factory.getbasetemp() / "segment.log"
    path.write_bytes(text)
    assert list(scan(path)) == plainly(path)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=40), st.integers(0, 40))
def test_taking_in_many_leaves_is_taking_in_each(leaves: list[bytes], cut: int) -> None:
    one, many = Frontier(), Frontier()
    for leaf in leaves:
        one.append(leaf)
    many.extend(leaves[:cut])
    many.extend(leaves[cut:])
    assert many.to_bytes() == one.to_bytes()


@pytest.mark.parametrize("depth", [10, 300, 1000, 5000])
def test_what_is_nested_too_deep_for_the_fast_reader_is_judged_by_the_slow_one(depth: int) -> None:
    line = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    try:
        slowly: object = parse_slowly(line)
    except (ValueError, RecursionError) as error:
        slowly = type(error)
    try:
        fast: object = parse_canonical(line)
    except (ValueError, RecursionError) as error:
        fast = type(error)
    assert fast == slowly
