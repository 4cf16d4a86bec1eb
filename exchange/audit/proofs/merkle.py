"""The Merkle tree of RFC 6962 §2.1, with SHA-256: hashes, a growing frontier, proofs and their verification.

Proofs are generated from any source of subtree hashes, so that today's list of leaves and tomorrow's tiles on
disk serve alike; verification follows RFC 9162 §2.1.3.2 and §2.1.4.2 to the letter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

SubtreeHash = Callable[[int, int], bytes]
"""Root over the leaves [start, end), start < end."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of one record: the prefix byte keeps it from ever being taken for an inner node."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: all that is needed to append and to tell the root.

    Holds one hash for each bit set in `size`: the roots of its perfect subtrees, largest first.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if len(peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in peaks):
            raise ValueError("a frontier holds one 32-byte hash for each bit set in its size")
        self.size = size
        self._peaks = list(peaks)

    def append(self, leaf: bytes) -> None:
        """Take in the hash of the next leaf; O(log n), amortised one node."""
        carry, size = leaf, self.size
        while size & 1:
            carry = node_hash(self._peaks.pop(), carry)
            size >>= 1
        self._peaks.append(carry)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Take in several leaves in order; as `append` does, without a call for each."""
        peaks, size, sha256 = self._peaks, self.size, hashlib.sha256
        for leaf in leaves:
            carry, place = leaf, size
            while place & 1:
                carry = sha256(b"\x01" + peaks.pop() + carry).digest()
                place >>= 1
            peaks.append(carry)
            size += 1
        self.size = size

    def append_subtree(self, root: bytes, height: int) -> None:
        """Take in 2**height leaves at once, by the root over them.

        Raises:
            ValueError: the size is not a multiple of so many leaves.
        """
        carry, place = root, self.size >> height
        if place << height != self.size:
            raise ValueError(f"a subtree of 2**{height} leaves does not begin at {self.size}")
        while place & 1:
            carry = node_hash(self._peaks.pop(), carry)
            place >>= 1
        self._peaks.append(carry)
        self.size += 1 << height

    def root(self) -> bytes:
        """The tree's root now; SHA-256 of nothing for an empty tree."""
        if not self._peaks:
            return EMPTY_ROOT
        *rest, root = self._peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root

    def copy(self) -> Frontier:
        """An independent frontier of the same tree."""
        return Frontier(self.size, self._peaks)

    def to_bytes(self) -> bytes:
        """Size (8 bytes, big-endian), then the peaks, largest first."""
        return self.size.to_bytes(8, "big") + b"".join(self._peaks)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """The frontier that `to_bytes` wrote.

        Raises:
            ValueError: the bytes are not of that form.
        """
        peaks = [data[at : at + HASH_BYTES] for at in range(8, len(data), HASH_BYTES)]
        return cls(int.from_bytes(data[:8], "big"), peaks)


def tree_of(leaves: Sequence[bytes]) -> SubtreeHash:
    """Subtree hashes computed from leaf hashes held in memory."""

    def subtree(start: int, end: int) -> bytes:
        frontier = Frontier()
        frontier.extend(leaves[start:end])
        return frontier.root()

    return subtree


def inclusion_proof(index: int, size: int, subtree: SubtreeHash) -> list[bytes]:
    """The audit path of one leaf in the tree of that size (RFC 6962 §2.1.1).

    Raises:
        ValueError: the leaf is not in the tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, subtree: SubtreeHash) -> list[bytes]:
    """Proof that the tree of size `new` only appended to the tree of size `old` (RFC 6962 §2.1.2).

    Raises:
        ValueError: not 0 < old <= new. (Every tree extends the empty one; there is nothing to prove.)
    """
    if not 0 < old <= new:
        raise ValueError(f"no consistency proof from {old} to {new}")
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start, whole = middle, False
    return ([] if whole else [subtree(start, end)]) + path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows the leaf hash at that index under the root (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the new tree extends the old one (RFC 9162 §2.1.4.2)."""
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if not 0 < old < new:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    return bool(path) and _climb(old, new, path) == (old_root, new_root)


def _climb(old: int, new: int, path: list[bytes]) -> tuple[bytes, bytes] | None:
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_found = new_found = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old_found, new_found = node_hash(sibling, old_found), node_hash(sibling, new_found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new_found = node_hash(new_found, sibling)
        place, last = place >> 1, last >> 1
    return (old_found, new_found) if last == 0 else None


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
