"""Signed notes (c2sp.org/signed-note): a text with Ed25519 signatures under it, readable by people."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from exchange.errors import ConfigError, LogCorrupt

NOTE_BYTES_MAX = 1 << 20
SIGNATURES_MAX = 100
_ED25519 = b"\x01"
_DASH = "\u2014 ".encode()
_KEY_TEXT = re.compile(r"(?P<name>[^+\s]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]+)")
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True)
class VerifierKey:
    """A public key under a name: all that a verifier of notes needs."""

    name: str
    public: Ed25519PublicKey

    @property
    def id(self) -> bytes:
        """The four bytes that tell keys of one name apart."""
        return _key_id(self.name, self.public)

    @property
    def text(self) -> str:
        """`name+id+key`, the form in which keys are published."""
        return f"{self.name}+{self.id.hex()}+{_b64(_ED25519 + self.public.public_bytes_raw())}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key that the text states.

        Raises:
            ConfigError: it is malformed, its id does not fit, or it is no Ed25519 key.
        """
        match = _KEY_TEXT.fullmatch(text.strip())
        encoded = _unb64(match["key"]) if match else None
        if match is None or encoded is None or encoded[:1] != _ED25519 or len(encoded) != 33:  # noqa: PLR2004
            raise ConfigError("this is no verifier key", hint="a key reads name+id+base64, all in one line")
        key = cls(match["name"], Ed25519PublicKey.from_public_bytes(encoded[1:]))
        if key.id.hex() != match["id"]:
            raise ConfigError("the verifier key was altered: its id does not fit its name and key")
        return key


def verifier_key(name: str, key: Ed25519PrivateKey) -> VerifierKey:
    """The public half of a signing key, under the name it signs with.

    Raises:
        ConfigError: the name is empty or holds white space, control characters, or a plus sign.
    """
    if not re.fullmatch(r"[^+\s\x00-\x1f]+", name):
        raise ConfigError(
            "a key name has neither spaces nor plus signs", hint="for example city.example/audit"
        )
    return VerifierKey(name, key.public_key())


def sign_note(text: bytes, name: str, key: Ed25519PrivateKey) -> bytes:
    """The text with one signature.

    Raises:
        ConfigError: the name cannot name a key.
        ValueError: the text is no note text: UTF-8, ending in a newline, no control characters.
    """
    if not text.endswith(b"\n") or _CONTROL.search(text):
        raise ValueError("a note's text ends in a newline and has no control characters")
    text.decode()
    public = verifier_key(name, key)
    return text + b"\n" + _DASH + f"{name} {_b64(public.id + key.sign(text))}\n".encode()


def open_note(note: bytes, keys: Sequence[VerifierKey]) -> bytes:
    """The text, if at least one of the keys signed it. Signatures of unknown keys are passed over.

    Raises:
        LogCorrupt: malformed, signed by none of the keys, or a signature under a known key is wrong.
    """
    text, signatures = _parse(note)
    known = {(key.name, key.id): key.public for key in keys}
    signed = False
    for name, key_id, signature in signatures:
        public = known.get((name, key_id))
        if public is None:
            continue
        try:
            public.verify(signature, text)
        except InvalidSignature:
            raise LogCorrupt(f"the signature of {name} does not fit its text") from None
        signed = True
    if not signed:
        names = ", ".join(sorted({name for name, _, _ in signatures})) or "nobody"
        raise LogCorrupt(
            f"signed by {names}, not by the key given", hint="compare the key and the log's origin"
        )
    return text


def _parse(note: bytes) -> tuple[bytes, list[tuple[str, bytes, bytes]]]:
    at = note.rfind(b"\n\n")
    if len(note) > NOTE_BYTES_MAX or at < 0 or not note.endswith(b"\n") or _CONTROL.search(note):
        raise LogCorrupt("this is not a signed note")
    lines = note[at + 2 : -1].split(b"\n")
    if len(lines) > SIGNATURES_MAX:
        raise LogCorrupt(f"the note has more than {SIGNATURES_MAX} signatures")
    return note[: at + 1], [_parse_signature(line) for line in lines]


def _parse_signature(line: bytes) -> tuple[str, bytes, bytes]:
    try:
        name, space, encoded = line.removeprefix(_DASH).decode().partition(" ")
    except UnicodeDecodeError:
        raise LogCorrupt("the note is not UTF-8") from None
    data = _unb64(encoded)
    if not line.startswith(_DASH) or not name or not space or data is None or len(data) < 5:  # noqa: PLR2004
        raise LogCorrupt("the note has a malformed signature line")
    return name, data[:4], data[4:]


def _key_id(name: str, public: Ed25519PublicKey) -> bytes:
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + raw).digest()[:4]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unb64(text: str) -> bytes | None:
    """The bytes, if the text is their one standard encoding."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _b64(data) == text else None
