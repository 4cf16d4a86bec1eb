"""Inclusion proofs from the tree on disk, side by side with pymerkle's tree in memory.

    python bench/audit_proof.py [--proofs 2000] [--folder DIR] [--sizes 10000 1000000 10000000]

Writes the tree's files directly (the hashes are counted up, which no proof can tell), then proves random
records. Each proof is verified against the root; the time taken for that is not counted. Prints a table: size
of the tree, p50 and p99 of one proof in milliseconds, p99 of its processor time (what a busy machine does not
lengthen), hashes in it.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from exchange.audit.proofs.merkle import HASH_BYTES, node_hash, verify_inclusion
from exchange.audit.proofs.tree import TILE_WIDTH, StoredTree

PYMERKLE_SIZE = 10_000
"""pymerkle keeps every node in memory as an object; a small tree of it is enough to compare."""


def write_tree(folder: Path, size: int) -> None:
    """The files `tree/0`, `tree/1`, ... of so many leaves."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    with (tree / "0").open("wb") as file:
        for start in range(0, size, 1 << 16):
            count = min(1 << 16, size - start)
            file.write(b"".join(hashlib.sha256(b"\0%d" % n).digest() for n in range(start, start + count)))
    level = 0
    while (tree / str(level)).stat().st_size >= TILE_WIDTH * HASH_BYTES:
        below, level = tree / str(level), level + 1
        with below.open("rb") as source, (tree / str(level)).open("wb") as file:
            while len(tile := source.read(TILE_WIDTH * HASH_BYTES)) == TILE_WIDTH * HASH_BYTES:
                file.write(_root(tile))


def _root(tile: bytes) -> bytes:
    hashes = [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def timed(act: Callable[[int], object], places: list[int]) -> tuple[float, float, float]:
    """p50 and p99 of `act`, and p99 of the processor time it took, ms."""
    spent, worked = [], []
    for place in places:
        begun, work = time.perf_counter(), time.thread_time()
        act(place)
        worked.append((time.thread_time() - work) * 1000)
        spent.append((time.perf_counter() - begun) * 1000)
    spent.sort()
    return spent[len(spent) // 2], spent[len(spent) * 99 // 100], sorted(worked)[len(spent) * 99 // 100]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--proofs", type=int, default=2000)
    options.add_argument("--folder", type=Path, default=None)
    options.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000])
    wanted = options.parse_args()
    print(f"{'tree':>12} {'leaves':>12} {'p50 ms':>8} {'p99 ms':>8} {'cpu p99':>8} {'hashes':>7}")
    for size in wanted.sizes:
        with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
            write_tree(Path(folder), size)
            places = random.Random(7).choices(range(size), k=wanted.proofs)  # noqa: S311 - a sample
            with StoredTree(Path(folder)) as tree:
                root = tree.root(size)
                p50, p99, cpu = timed(lambda place, tree=tree, size=size: tree.inclusion(place, size), places)
                for place in places[:100]:
                    assert verify_inclusion(tree.leaf(place), place, size, tree.inclusion(place, size), root)
                length = len(tree.inclusion(0, size))
                print(f"{'on disk':>12} {size:>12,} {p50:>8.3f} {p99:>8.3f} {cpu:>8.3f} {length:>7}")
    measure_pymerkle(PYMERKLE_SIZE, wanted.proofs)


def measure_pymerkle(size: int, proofs: int) -> None:
    """The same with pymerkle, in memory."""
    from pymerkle import InmemoryTree  # noqa: PLC0415 - a development dependency

    other = InmemoryTree(algorithm="sha256")
    for number in range(size):
        other.append_entry(b"%d" % number)
    places = random.Random(7).choices(range(size), k=min(proofs, 200))  # noqa: S311 - a sample
    p50, p99, cpu = timed(lambda place: other.prove_inclusion(place + 1), places)
    length = len(other.prove_inclusion(1).path) - 1
    print(f"{'pymerkle':>12} {size:>12,} {p50:>8.3f} {p99:>8.3f} {cpu:>8.3f} {length:>7}")


if __name__ == "__main__":
    main()
