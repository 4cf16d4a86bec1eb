"""Cosignatures (c2sp.org/tlog-cosignature, cosignature/v1): a witness saw the log grow, and says when.

A cosignature states that at its time this was the largest tree the witness had seen of the log, consistent
with all it saw before. Whoever cosigns must have checked that; here is only the signature's form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.note import (
    TIME_MAX,
    NoteSignature,
    SignatureType,
    VerifierKey,
    cosigned_message,
    open_signed,
    signature_line,
    split_note,
    time_of,
    verifier_key,
)
from exchange.errors import LogCorrupt


@dataclass(frozen=True)
class Cosignature:
    """A good cosignature.

    Attributes:
        key: of the witness.
        time_s: unix seconds at which it cosigned, by its own clock.
    """

    key: VerifierKey
    time_s: int


def cosigner_key(name: str, key: Ed25519PrivateKey) -> VerifierKey:
    """The public half of a witness's key. A witness uses it for nothing else.

    Raises:
        ConfigError: the name cannot name a key.
    """
    return verifier_key(name, key, SignatureType.COSIGNATURE)


def cosign(text: bytes, name: str, key: Ed25519PrivateKey, time_s: int) -> bytes:
    """The signature line to put under the checkpoint.

    Args:
        text: the checkpoint's whole note text, extension lines included (`split_note` gives it).
        name: of the witness.
        key: of the witness.
        time_s: unix seconds, now.

    Raises:
        ConfigError: the name cannot name a key.
        ValueError: the time is out of range, or the text is no note text.
    """
    if not 0 <= time_s <= TIME_MAX or not text.endswith(b"\n"):
        raise ValueError("a cosignature has a time from 1970 on and a text that ends in a newline")
    data = time_s.to_bytes(8, "big") + key.sign(cosigned_message(text, time_s))
    return signature_line(cosigner_key(name, key), data)


def verify_cosignature(text: bytes, line: bytes, key: VerifierKey) -> Cosignature:
    """The cosignature in a line that a witness answered with.

    Args:
        text: the note text that it was asked to cosign.
        line: one signature line, its newline included.
        key: of the witness.

    Raises:
        LogCorrupt: malformed, more than one line, of another key, or it does not fit the text.
    """
    _, lines = split_note(text + b"\n" + line)
    if len(lines) != 1:
        raise LogCorrupt("one cosignature was asked for")
    return cosignatures(open_signed(text + b"\n" + line, [key])[1])[0]


def cosignatures(signatures: Iterable[NoteSignature]) -> list[Cosignature]:
    """Those of the signatures that are a witness's."""
    return [
        Cosignature(found.key, time_of(found.data))
        for found in signatures
        if found.key.type is SignatureType.COSIGNATURE
    ]


def with_signatures(note: bytes, lines: Sequence[bytes]) -> bytes:
    """The note with further signature lines under it; a line that stands there already is not repeated.

    Raises:
        LogCorrupt: the outcome is no signed note, or has too many signatures.
    """
    text = split_note(note)[0]
    standing = note[len(text) + 1 :].splitlines(keepends=True)
    whole = text + b"\n" + b"".join(dict.fromkeys([*standing, *lines]))
    split_note(whole)
    return whole
