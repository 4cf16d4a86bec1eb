"""Ed25519 keys in PEM files: the broker's ticket key and the audit log's key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from exchange.errors import ConfigError
from exchange.security import files
from exchange.security.pki.pem import UNREADABLE

if TYPE_CHECKING:
    from pathlib import Path


def create_key(path: Path) -> Ed25519PrivateKey:
    """A fresh key, written to a new file that only its owner can read.

    Raises:
        ConfigError: the file exists already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files.write_new(path, content, files.PRIVATE_MODE)
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """The private key in the file.

    Raises:
        ConfigError: missing, readable by others, not PEM, or not Ed25519.
    """
    try:
        key = serialization.load_pem_private_key(files.read_private(path), password=None)
    except UNREADABLE:
        raise ConfigError(f"{path} is not a PEM private key without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path} is not an Ed25519 key")
    return key


def write_public_key(path: Path, key: Ed25519PublicKey) -> None:
    """Write the public key as PEM to a new file.

    Raises:
        ConfigError: the file exists already, or cannot be written.
    """
    content = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    files.write_new(path, content, files.PUBLIC_MODE)


def load_public_key(path: Path) -> Ed25519PublicKey:
    """The public key in the file.

    Raises:
        ConfigError: missing, not PEM, or not Ed25519.
    """
    try:
        key = serialization.load_pem_public_key(files.read_public(path))
    except UNREADABLE:
        raise ConfigError(f"{path} is not a PEM public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{path} is not an Ed25519 key")
    return key
