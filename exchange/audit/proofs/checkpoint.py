"""Checkpoints (c2sp.org/tlog-checkpoint): the log's promise, signed, of what it holds."""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field

from exchange.audit.proofs.merkle import HASH_BYTES
from exchange.audit.proofs.note import SignatureType, VerifierKey, open_note, sign_note
from exchange.errors import LogCorrupt
from exchange.model.base import Frozen

SIZE_MAX = 2**53 - 1


class Checkpoint(Frozen):
    """The tree at one moment.

    Attributes:
        origin: names the log, for example `city.example/audit`.
        size: number of records.
        root: RFC 6962 root over them, 32 bytes.
    """

    origin: str = Field(pattern=r"^[^\s+]+$", max_length=256)
    size: int = Field(ge=0, le=SIZE_MAX)
    root: bytes = Field(min_length=HASH_BYTES, max_length=HASH_BYTES)

    def text(self) -> bytes:
        """The note text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()

    @classmethod
    def parse(cls, text: bytes) -> Checkpoint:
        """The checkpoint that a note text states; extension lines are passed over, as the spec asks.

        Raises:
            LogCorrupt: it is not one.
        """
        try:
            origin, size, root, *more = text.decode().removesuffix("\n").split("\n")
            found = cls(origin=origin, size=int(size), root=base64.b64decode(root, validate=True))
        except (ValueError, binascii.Error):
            raise LogCorrupt("this is not a checkpoint") from None
        # One text for one checkpoint: no leading zeroes, no other spelling of the root.
        if found.text() != f"{origin}\n{size}\n{root}\n".encode() or not all(more):
            raise LogCorrupt("this is not a checkpoint in its standard form")
        return found


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> bytes:
    """The checkpoint as a signed note, under the log's origin as key name."""
    return sign_note(checkpoint.text(), checkpoint.origin, key)


def open_checkpoint(note: bytes, key: VerifierKey) -> Checkpoint:
    """The checkpoint, if this log's key signed it.

    Raises:
        LogCorrupt: malformed, signed by another key, or of another log (T60).
    """
    if key.type is not SignatureType.ED25519:
        raise LogCorrupt(f"the key of {key.name} is a witness's: a log's own signature is needed")
    checkpoint = Checkpoint.parse(open_note(note, [key]))
    if checkpoint.origin != key.name:
        raise LogCorrupt(f"this checkpoint belongs to {checkpoint.origin}, the key to {key.name}")
    return checkpoint
