"""RFC 6962 §2.1 and RFC 9162 §2.1: against the known tree of eight leaves and an independent library."""

from __future__ import annotations

import pytest
from pymerkle import InmemoryTree

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

# The eight entries and roots that certificate-transparency's reference implementations share.
ENTRIES = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference_tree(size: int) -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[:size])
    assert (frontier.size, frontier.root().hex()) == (size, ROOTS[size - 1])


def test_an_inclusion_path_is_that_of_the_reference_tree() -> None:
    path = [step.hex() for step in inclusion_proof(5, 8, tree_of(LEAVES))]
    assert path == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_a_consistency_path_is_that_of_the_reference_tree() -> None:
    path = [step.hex() for step in consistency_proof(6, 8, tree_of(LEAVES))]
    assert path == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_every_proof_verifies_and_no_damaged_one_does() -> None:
    subtree = tree_of(LEAVES)
    roots = [bytes.fromhex(root) for root in ROOTS]
    for size in range(1, 9):
        for index in range(size):
            proof = inclusion_proof(index, size, subtree)
            assert verify_inclusion(LEAVES[index], index, size, proof, roots[size - 1])
            assert not verify_inclusion(leaf_hash(b"x"), index, size, proof, roots[size - 1])
            assert not verify_inclusion(LEAVES[index], index, size, [*proof, EMPTY_ROOT], roots[size - 1])
            assert not proof or not verify_inclusion(LEAVES[index], index, size, proof[:-1], roots[size - 1])
            assert not verify_inclusion(LEAVES[index], size, size, proof, roots[size - 1])
        for old in range(1, size + 1):
            proof = consistency_proof(old, size, subtree)
            assert verify_consistency(old, size, roots[old - 1], roots[size - 1], proof)
            assert not verify_consistency(old, size, EMPTY_ROOT, roots[size - 1], proof)
            assert not verify_consistency(old, size, roots[old - 1], EMPTY_ROOT, proof)
            assert not verify_consistency(old, size, roots[old - 1], roots[size - 1], [*proof, EMPTY_ROOT])


def test_every_tree_extends_the_empty_one() -> None:
    assert verify_consistency(0, 8, EMPTY_ROOT, bytes.fromhex(ROOTS[7]), [])
    assert not verify_consistency(0, 8, LEAVES[0], bytes.fromhex(ROOTS[7]), [])
    assert not verify_consistency(8, 7, bytes.fromhex(ROOTS[7]), bytes.fromhex(ROOTS[6]), [])


def test_there_is_no_proof_of_what_is_not_in_the_tree() -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(8, 8, tree_of(LEAVES))
    with pytest.raises(ValueError, match="no consistency proof"):
        consistency_proof(0, 8, tree_of(LEAVES))


def test_a_frontier_survives_being_written_down() -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[:7])
    again = Frontier.from_bytes(frontier.to_bytes())
    again.append(LEAVES[7])
    assert again.root().hex() == ROOTS[7]
    with pytest.raises(ValueError, match="frontier"):
        Frontier.from_bytes(frontier.to_bytes()[:-1])


def test_a_leaf_is_never_taken_for_a_node() -> None:
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])


def test_an_independent_library_agrees_on_roots_and_proofs() -> None:
    other = InmemoryTree(algorithm="sha256")
    entries = [f"record {number}".encode() for number in range(100)]
    leaves, frontier = [], Frontier()
    for entry in entries:
        other.append_entry(entry)
        leaves.append(leaf_hash(entry))
        frontier.append(leaves[-1])
        assert frontier.root() == other.get_root()
    for index in (0, 41, 63, 64, 99):
        theirs = other.prove_inclusion(index + 1)
        assert theirs.path[0] == leaves[index]
        assert list(theirs.path[1:]) == inclusion_proof(index, 100, tree_of(leaves))
