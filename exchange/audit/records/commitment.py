"""Keyed commitments: a personal value is never in the log in clear, yet provably was asked for (T62).

A plain hash of a tail number or a name is found by trying them all; an HMAC is not, without the key. Whoever
holds the key and the suspected text can show that a record commits to it.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_CONTEXT = b"exchange.v1.predicate\n"


def commitment_key(key: Ed25519PrivateKey) -> bytes:
    """The log's commitment key, 32 bytes, derived one way from its signing key (HKDF, RFC 5869).

    It can be handed to an auditor without giving the signing key away.
    """
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"exchange.v1.commitment-key")
    return derived.derive(key.private_bytes_raw())


def commitment(key: bytes, text: str) -> str:
    """HMAC-SHA-256 (hex) of the text; "" for no text.

    Args:
        key: as `commitment_key` gives.
        text: any text, invalid Unicode included: what was asked is what is committed to.
    """
    if not text:
        return ""
    return hmac.new(key, _CONTEXT + text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
