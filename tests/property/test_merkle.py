"""Frontier and proofs against RFC 6962's own recursive definition."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree, InvalidProof
from pymerkle import verify_consistency as pymerkle_consistency
from pymerkle import verify_inclusion as pymerkle_inclusion

from exchange.audit.proofs.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    tree_of,
    verify_consistency,
    verify_inclusion,
)

sizes = st.integers(1, 200)


def naive_root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


def leaves_of(size: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


@given(sizes)
def test_the_frontier_has_the_root_of_the_definition(size: int) -> None:
    leaves, frontier = leaves_of(size), Frontier()
    frontier.extend(leaves)
    assert frontier.root() == naive_root(leaves)
    assert Frontier.from_bytes(frontier.to_bytes()).root() == naive_root(leaves)


@given(sizes, st.data())
def test_what_is_in_the_tree_is_provable_and_only_there(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    proof = inclusion_proof(index, size, tree_of(leaves))
    assert verify_inclusion(leaves[index], index, size, proof, naive_root(leaves))
    for other in {index ^ 1, index + 1, size - 1 - index} - {index}:
        assert not verify_inclusion(leaves[index], other, size, proof, naive_root(leaves))


@given(sizes, st.data())
def test_growth_is_provable_and_rewriting_is_not(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    leaves = leaves_of(size)
    proof = consistency_proof(old, size, tree_of(leaves))
    assert verify_consistency(old, size, naive_root(leaves[:old]), naive_root(leaves), proof)
    rewritten = [leaf_hash(b"rewritten"), *leaves[1:]]
    assert not verify_consistency(old, size, naive_root(leaves[:old]), naive_root(rewritten), proof)


@settings(max_examples=40, deadline=None)  # pymerkle takes its time
@given(st.integers(1, 120), st.data())
def test_an_independent_library_has_our_roots_and_our_paths(size: int, data: st.DataObject) -> None:
    theirs = InmemoryTree(algorithm="sha256")
    for number in range(size):
        theirs.append_entry(number.to_bytes(4, "big"))
    leaves, index = leaves_of(size), data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    before, after = naive_root(leaves[:old]), naive_root(leaves)
    assert (theirs.get_root(old), theirs.get_root()) == (before, after)
    inclusion = theirs.prove_inclusion(index + 1)
    assert list(inclusion.path) == [leaves[index], *inclusion_proof(index, size, tree_of(leaves))]
    assert verify_inclusion(leaves[index], index, size, list(inclusion.path)[1:], after)
    pymerkle_inclusion(leaves[index], after, inclusion)
    with pytest.raises(InvalidProof):
        pymerkle_inclusion(leaf_hash(b"other"), after, inclusion)
    # Its consistency proofs are not of the RFC's form: each library judges its own, on the same roots.
    pymerkle_consistency(before, after, theirs.prove_consistency(old, size))
    assert verify_consistency(old, size, before, after, consistency_proof(old, size, tree_of(leaves)))
