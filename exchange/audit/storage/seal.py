"""Seals: what a log promises of a segment that it has closed for ever.

A sealed segment is checked by one signature and one digest of its bytes, without reading a single record; and
what a department's retention has removed is still known by its place, its size and the root over it.
"""

from __future__ import annotations

import base64
import binascii
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, model_validator

from exchange.audit.proofs.checkpoint import SIZE_MAX
from exchange.audit.proofs.merkle import HASH_BYTES
from exchange.audit.proofs.note import VerifierKey, open_note, sign_note
from exchange.errors import LogCorrupt
from exchange.model.base import Frozen

_TITLE = "exchange.v1.seal"


class Seal(Frozen):
    """One closed segment.

    Attributes:
        origin: of the log, as in its checkpoints.
        first: index of the segment's first record.
        size: of the tree at the segment's end; its records are [first, size).
        length: of the segment's file, in bytes.
        digest: SHA-256 (hex) of the segment's file.
        root: RFC 6962 root at that size, 32 bytes.
    """

    origin: str = Field(pattern=r"^[^\s+]+$", max_length=256)
    first: int = Field(ge=0, le=SIZE_MAX)
    size: int = Field(ge=1, le=SIZE_MAX)
    length: int = Field(ge=1, le=SIZE_MAX)
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    root: bytes = Field(min_length=HASH_BYTES, max_length=HASH_BYTES)

    @model_validator(mode="after")
    def _some_record(self) -> Self:
        if self.first >= self.size:
            raise ValueError("a sealed segment holds at least one record")
        return self

    def text(self) -> bytes:
        """The note text that is signed."""
        root = base64.b64encode(self.root).decode()
        lines = (_TITLE, self.origin, self.first, self.size, self.length, self.digest, root)
        return "".join(f"{line}\n" for line in lines).encode()

    @classmethod
    def parse(cls, text: bytes) -> Seal:
        """The seal that a note text states.

        Raises:
            LogCorrupt: it is not one, or not in the one form that `text` writes.
        """
        try:
            _, origin, first, size, length, digest, root = text.decode().removesuffix("\n").split("\n")
            found = cls(
                origin=origin,
                first=int(first),
                size=int(size),
                length=int(length),
                digest=digest,
                root=base64.b64decode(root, validate=True),
            )
        except (ValueError, binascii.Error):
            raise LogCorrupt("this is not a seal") from None
        if found.text() != text:
            raise LogCorrupt("this is not a seal in its standard form")
        return found


def sign_seal(seal: Seal, key: Ed25519PrivateKey) -> bytes:
    """The seal as a signed note, under the log's origin as key name."""
    return sign_note(seal.text(), seal.origin, key)


def open_seal(note: bytes, key: VerifierKey) -> Seal:
    """The seal, if this log's key signed it.

    Raises:
        LogCorrupt: malformed, signed by another key, or of another log.
    """
    seal = Seal.parse(open_note(note, [key]))
    if seal.origin != key.name:
        raise LogCorrupt(f"this seal belongs to {seal.origin}, the key to {key.name}")
    return seal
