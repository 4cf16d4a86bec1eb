"""The tree on disk: the same proofs as from memory, whatever of its derived levels is there."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

import pytest
from pymerkle import InmemoryTree

from exchange.audit.proofs.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_of,
    verify_consistency,
    verify_inclusion,
)
from exchange.audit.proofs.tree import TILE_WIDTH, StoredTree
from exchange.errors import LogCorrupt

SIZE = TILE_WIDTH * TILE_WIDTH + 3 * TILE_WIDTH + 5
LEAVES = [leaf_hash(number.to_bytes(4, "big")) for number in range(SIZE)]
PLACES = (0, 65535, SIZE - 1)
SIZES = (1, 257, 65536, SIZE)


def level_above(hashes: list[bytes]) -> list[bytes]:
    whole = len(hashes) // TILE_WIDTH
    return [tree_of(hashes)(place * TILE_WIDTH, (place + 1) * TILE_WIDTH) for place in range(whole)]


@pytest.fixture(scope="module")
def levels() -> list[list[bytes]]:
    found = [LEAVES]
    while len(found[-1]) >= TILE_WIDTH:
        found.append(level_above(found[-1]))
    assert [len(level) for level in found] == [SIZE, 259, 1]
    return found


@pytest.fixture(params=["whole", "torn", "missing"])
def folder(tmp_path: Path, levels: list[list[bytes]], request: pytest.FixtureRequest) -> Path:
    """The files of a log's tree; of its derived levels some, or none, were written before a crash."""
    (tmp_path / "tree").mkdir()
    for number, level in enumerate(levels):
        data = b"".join(level)
        if number:
            keep = {"whole": len(data), "torn": len(data) - 7, "missing": 0}
            data = data[: keep[request.param]]
        if data:
            (tmp_path / "tree" / str(number)).write_bytes(data)
    return tmp_path


@cache
def root_at(size: int) -> bytes:
    frontier = Frontier()
    frontier.extend(LEAVES[:size])
    return frontier.root()


def test_roots_and_inclusion_paths_are_those_of_the_tree_in_memory(folder: Path) -> None:
    with StoredTree(folder) as tree:
        assert tree.root(0) == EMPTY_ROOT
        for size in SIZES:
            root = root_at(size)
            assert tree.root(size) == root
            for index in (place for place in PLACES if place < size):
                path = tree.inclusion(index, size)
                assert verify_inclusion(tree.leaf(index), index, size, path, root)
    assert path == inclusion_proof(index, size, tree_of(LEAVES))


def test_consistency_paths_verify(folder: Path) -> None:
    with StoredTree(folder) as tree:
        roots = {size: tree.root(size) for size in SIZES}
        for old in SIZES:
            for new in (size for size in SIZES if size >= old):
                path = tree.consistency(old, new)
                assert verify_consistency(old, new, roots[old], roots[new], path)
    assert tree.consistency(257, SIZE) == consistency_proof(257, SIZE, tree_of(LEAVES))


def test_a_leaf_that_is_not_there_is_named(folder: Path) -> None:
    with StoredTree(folder) as tree, pytest.raises(LogCorrupt, match=f"record {SIZE}") as missing:
        tree.inclusion(0, SIZE + 1)
    assert missing.value.index == SIZE


def test_a_folder_without_a_tree_proves_nothing(tmp_path: Path) -> None:
    with StoredTree(tmp_path) as tree, pytest.raises(LogCorrupt, match="record 0"):
        tree.root(1)


@pytest.mark.parametrize(("start", "end"), [(1, 3), (2, 6), (256, 1000), (5, 5), (3, 2), (-1, 1)])
def test_a_range_that_is_no_subtree_is_refused(tmp_path: Path, start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no tree has"):
        StoredTree(tmp_path).subtree(start, end)


def test_a_wrong_hash_in_a_derived_level_proves_nothing(folder: Path) -> None:
    level = folder / "tree" / "1"
    if not level.exists():
        level.write_bytes(bytes(HASH_BYTES))
    level.write_bytes(bytes(HASH_BYTES) + level.read_bytes()[HASH_BYTES:])
    with StoredTree(folder) as tree:
        assert not verify_inclusion(LEAVES[300], 300, SIZE, tree.inclusion(300, SIZE), root_at(SIZE))


def test_many_threads_read_one_tree(folder: Path) -> None:
    expected = tree_of(LEAVES)(0, SIZE)
    found: list[bool] = []
    with StoredTree(folder) as tree:

        def work(index: int) -> None:
            path = tree.inclusion(index, SIZE)
            found.append(verify_inclusion(LEAVES[index], index, SIZE, path, expected))

        threads = [threading.Thread(target=work, args=(index,)) for index in PLACES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [True] * len(PLACES)


def test_an_independent_library_has_the_same_paths(tmp_path: Path) -> None:
    other, size = InmemoryTree(algorithm="sha256"), 700
    entries = [number.to_bytes(4, "big") for number in range(size)]
    for entry in entries:
        other.append_entry(entry)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "0").write_bytes(b"".join(LEAVES[:size]))
    (tmp_path / "tree" / "1").write_bytes(b"".join(level_above(LEAVES[:size])))
    with StoredTree(tmp_path) as tree:
        assert tree.root(size) == other.get_root()
        for index in (0, 255, 256, 511, 512, 699):
            assert list(other.prove_inclusion(index + 1).path) == [
                LEAVES[index],
                *tree.inclusion(index, size),
            ]
