"""The key with which a connector cosigns checkpoints: made once, used for nothing else, never sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.cosignature import cosign, cosigner_key
from exchange.connector.settings import ConnectorSettings
from exchange.model.subject import witness_name
from exchange.security import files, keyfiles

FILE = "witness.key"


@dataclass(frozen=True)
class WitnessKey:
    """The witness's name and key."""

    name: str
    key: Ed25519PrivateKey

    @property
    def text(self) -> str:
        """`name+id+base64`, as it stands in the city's trust policy."""
        return cosigner_key(self.name, self.key).text

    def cosign(self, text: bytes, time_s: int) -> bytes:
        """The signature line for a checkpoint's note text."""
        return cosign(text, self.name, self.key, time_s)


def memory_folder(settings: ConnectorSettings) -> Path:
    """Where a connector keeps its key and what it saw of the log."""
    return settings.state / "witness"


def witness_key(settings: ConnectorSettings) -> WitnessKey:
    """The connector's witness key; made now if there is none.

    Raises:
        ConfigError: the file is readable by others, or no Ed25519 key, or cannot be made.
    """
    folder = memory_folder(settings)
    files.make_folder(folder)
    path = folder / FILE
    key = keyfiles.load_key(path) if path.exists() else keyfiles.create_key(path)
    return WitnessKey(witness_name(settings.trust_domain, settings.department), key)
