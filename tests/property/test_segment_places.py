"""A record is found by bisecting a segment's bytes where reading it from the beginning finds it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.audit.proofs.merkle import EMPTY_ROOT
from exchange.audit.storage import places
from exchange.audit.storage.places import locate
from exchange.audit.storage.segment import encode_batch, encode_commit, scan

BATCHES = st.lists(st.lists(st.integers(min_value=10, max_value=3000), min_size=1, max_size=6), min_size=1)
TEXT = b"#batch 3 1 5 "
"""What a record may say, though never at the beginning of a line."""


def segment(path: Path, first: int, batches: list[list[int]], *, commits: bool) -> None:
    with path.open("wb") as file:
        for sizes in batches:
            file.write(encode_batch(first, [(b"{" + TEXT * size)[:size] for size in sizes]))
            first += len(sizes)
            if commits:
                file.write(encode_commit(first, EMPTY_ROOT))


@settings(max_examples=60, deadline=None)
@given(first=st.integers(min_value=0, max_value=10**9), batches=BATCHES, near=st.sampled_from([64, 1 << 12]))
def test_bisecting_finds_what_scanning_finds(first: int, batches: list[list[int]], near: int) -> None:
    kept, places._NEAR = places._NEAR, near
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"{first:020d}.log")
            segment(path, first, batches, commits=True)
            found = list(scan(path))
            assert [batch.problem for batch in found] == [""] * len(batches)
            for batch in found:
                for index in range(batch.first, batch.first + len(batch.records)):
                    assert locate(path, index) == batch.offset
                    assert locate(path, index, batch.end) == batch.offset
            assert locate(path, first + 10**6) == found[-1].offset
    finally:
        places._NEAR = kept


def test_a_batch_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / f"{0:020d}.log"
    segment(path, 0, [[60_000] * 5, [60_000] * 5, [100], [60_000] * 20], commits=True)
    offsets = [batch.offset for batch in scan(path)]
    assert [locate(path, index) for index in (0, 4, 5, 9, 10, 11, 30)] == [
        offsets[at] for at in (0, 0, 1, 1, 2, 3, 3)
    ]
