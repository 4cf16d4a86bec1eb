"""The lone verifier's own arithmetic, against RFC 8032's vectors and against OpenSSL."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from evidence_house import CONNECTOR, CONNECTOR_SIGNER

from exchange.audit.evidence.verify_evidence import N, certificate_facts, ecdsa_verify, ed25519_verify

# RFC 8032 §7.1, tests 1 to 3: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]
L = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_published_signatures_verify_and_no_changed_one_does(
    public: str, message: str, signature: str
) -> None:
    key, text, good = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert ed25519_verify(key, text, good)
    assert not ed25519_verify(key, text + b"x", good)
    for place in (0, 31, 32, 63):
        changed = bytearray(good)
        changed[place] ^= 1
        assert not ed25519_verify(key, text, bytes(changed))


def test_a_second_spelling_of_a_good_signature_does_not_verify() -> None:
    key, text, good = (bytes.fromhex(part) for part in VECTORS[1])
    scalar = int.from_bytes(good[32:], "little") + L
    assert not ed25519_verify(key, text, good[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("public", [b"", bytes(32), b"\x01" + bytes(31), b"\xff" * 32])
def test_what_is_no_key_or_a_small_one_verifies_nothing(public: bytes) -> None:
    assert not ed25519_verify(public, b"", bytes(64))
    assert not ed25519_verify(public, b"", b"\x01" + bytes(63))


def test_it_agrees_with_openssl_on_random_notes() -> None:
    chosen = random.Random(7)  # noqa: S311 - texts, not keys
    for _ in range(10):
        key, text = Ed25519PrivateKey.generate(), chosen.randbytes(chosen.randrange(200))
        public = key.public_key().public_bytes_raw()
        assert ed25519_verify(public, text, key.sign(text))
        assert not ed25519_verify(public, text, key.sign(text + b"x"))


def test_ecdsa_agrees_with_openssl() -> None:
    for number in range(1, 6):
        key = ec.generate_private_key(ec.SECP256R1())
        point = (key.public_key().public_numbers().x, key.public_key().public_numbers().y)
        text = b"x" * number
        good = key.sign(text, ec.ECDSA(SHA256()))
        r, s = decode_dss_signature(good)
        assert ecdsa_verify(point, text, good)
        assert not ecdsa_verify(point, text + b"x", good)
        for wrong in ((s, r), (0, s), (r, 0), (r + N, s), (r, s + N), (r, s ^ 1)):
            assert not ecdsa_verify(point, text, encode_dss_signature(*wrong))
        for wrong in (b"", good[:-1], good + b"x", b"\x30\x00", b"\x31" + good[1:]):
            assert not ecdsa_verify(point, text, wrong)


def test_a_certificate_gives_its_key_and_its_names() -> None:
    point, names = certificate_facts(CONNECTOR_SIGNER.der)
    numbers = CONNECTOR_SIGNER.key.public_key().public_numbers()
    assert (point, names) == ((numbers.x, numbers.y), [CONNECTOR])


def test_a_damaged_certificate_is_an_error_that_the_verifier_expects() -> None:
    expected = (LookupError, ValueError, StopIteration, RuntimeError)
    good = CONNECTOR_SIGNER.der
    for place in range(len(good)):
        for damaged in (good[:place], good[:place] + bytes([good[place] ^ 0x80]) + good[place + 1 :]):
            with suppress(*expected):
                certificate_facts(damaged)
