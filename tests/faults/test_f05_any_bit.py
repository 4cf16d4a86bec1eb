"""F5 one bit flipped, at any byte of any file of a log with sealed and open segments.

Records, seals and checkpoint: refused, and nothing is changed. What is derived from them is made anew. Never
is a record cut off, and never is there a proof that does not lead to the signed root.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from audit_house import NEVER_SIGN, PUBLIC, decision, judged, lines_of, open_log

from exchange.audit.log import LogLimits
from exchange.audit.proofs.checkpoint import open_checkpoint
from exchange.audit.proofs.merkle import leaf_hash
from exchange.audit.proofs.proven import proven_inclusion
from exchange.audit.proofs.tree import StoredTree
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.recovery import recover
from exchange.errors import LogCorrupt

MANY = 300
"""Records, so that there is a second level of the tree."""
BITS = (0x01, 0x04, 0x80)


def killed(folder: Path) -> Path:
    """A log that was killed: two sealed segments, an open one, and a batch that no checkpoint covers."""
    running = folder / "running"
    limits = LogLimits(checkpoint_every_s=0.0, segment_bytes_max=1)
    with open_log(running, limits=limits) as log:
        log.append_many([decision(number) for number in range(MANY)])
    copy = folder / "killed"
    with open_log(running, limits=NEVER_SIGN) as log:
        log.append(decision(MANY))
        shutil.copytree(running, copy)
    return copy


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return killed(tmp_path)


def flipped(path: Path, places: range) -> Iterator[tuple[int, bytes]]:
    """The file with one bit wrong, at each place; as it was in the end."""
    genuine = path.read_bytes()
    for at in places:
        damaged = bytearray(genuine)
        damaged[at] ^= BITS[at % len(BITS)]
        path.write_bytes(damaged)
        yield at, bytes(damaged)
    path.write_bytes(genuine)


def test_f05_any_bit_of_a_record_or_its_framing_is_refused_and_none_is_cut_off(log: Path) -> None:
    layout = Layout(log)
    *sealed, last = layout.segments()
    assert len(sealed) == len(layout.seals()) == 2
    assert judged(log).signed < judged(log).records
    whole = recover(layout, PUBLIC).frontier.size
    places = {path: range(0, path.stat().st_size, 40009) for path in sealed} | {
        last: range(0, last.read_bytes().rindex(b"#commit"), 3)
    }
    for path, each in places.items():
        for at, damaged in flipped(path, each):
            with pytest.raises(LogCorrupt):
                recover(layout, PUBLIC)
            assert path.read_bytes() == damaged, at
    # the last commit line is derived: what is lost with it is no record
    for at, _ in flipped(last, range(last.read_bytes().rindex(b"#commit"), last.stat().st_size)):
        with suppress(LogCorrupt):
            assert recover(layout, PUBLIC).frontier.size == whole, at


def test_f05_any_bit_of_a_seal_or_the_checkpoint_is_refused(log: Path) -> None:
    layout = Layout(log)
    for path in (layout.checkpoint, *layout.seals()):
        for at, damaged in flipped(path, range(path.stat().st_size)):
            with pytest.raises(LogCorrupt):
                recover(layout, PUBLIC)
            assert path.read_bytes() == damaged, at


def test_f05_any_bit_of_the_tree_is_mended_at_the_next_start_or_proves_nothing(
    log: Path, tmp_path: Path
) -> None:
    hashes = [leaf_hash(line) for line in lines_of(log)]
    mended = 0
    for path in (Layout(log).level(0), Layout(log).level(1)):
        for at, _ in flipped(path, range(0, path.stat().st_size, 211)):
            copy = tmp_path / "copy"
            shutil.copytree(log, copy)
            open_log(copy).close()
            verdict, index = judged(copy), at // 32
            mended += verdict.whole
            if not verdict.whole:
                assert [(found.what, found.index) for found in verdict.findings] == [("leaves", index)], at
            signed = open_checkpoint(Layout(copy).checkpoint.read_bytes(), PUBLIC)
            with StoredTree(copy) as tree:
                for asked in {index, index ^ 1, 0, len(hashes) - 1} & set(range(len(hashes))):
                    try:
                        proven_inclusion(tree, hashes[asked], asked, signed)
                    except LogCorrupt:
                        assert not verdict.whole, at
            shutil.rmtree(copy)
    assert mended


def test_f05_a_tree_that_was_taken_away_is_made_anew_from_the_records(log: Path) -> None:
    for at, _ in flipped(Layout(log).leaves, range(40, 41)):
        open_log(log).close()
        assert not judged(log).whole, at
        shutil.rmtree(Layout(log).tree_folder)
        open_log(log).close()
        assert judged(log).whole
        break
