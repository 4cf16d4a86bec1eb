"""Signed notes (c2sp.org/signed-note): a text with Ed25519 signatures under it, readable by people.

Two types of signature are known: a log's own (1) and a witness's timestamped cosignature (4,
c2sp.org/tlog-cosignature). The type is part of a key's id, so one never passes for the other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from exchange.errors import ConfigError, LogCorrupt

NOTE_BYTES_MAX = 1 << 20
SIGNATURES_MAX = 100
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_TIME_BYTES = 8
TIME_MAX = 2**63 - 1
_DASH = "\u2014 ".encode()
_KEY_TEXT = re.compile(r"(?P<name>[^+\s]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]+)")
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")


class SignatureType(IntEnum):
    """What a key signs, and how: the first byte of its published form."""

    ED25519 = 1
    COSIGNATURE = 4


@dataclass(frozen=True)
class VerifierKey:
    """A public key under a name: all that a verifier of notes needs.

    Attributes:
        name: of the log or the witness.
        public: Ed25519.
        type: a log's key, or a witness's.
    """

    name: str
    public: Ed25519PublicKey = field(hash=False)  # which equal, but do not hash
    type: SignatureType = SignatureType.ED25519

    @property
    def id(self) -> bytes:
        """The four bytes that tell keys of one name apart."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._encoded()).digest()[:4]

    @property
    def text(self) -> str:
        """`name+id+key`, the form in which keys are published."""
        return f"{self.name}+{self.id.hex()}+{_b64(self._encoded())}"

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether this key made the signature (without its key id) over the note text."""
        if self.type is SignatureType.COSIGNATURE:
            if len(signature) != _TIME_BYTES + _SIGNATURE_BYTES or time_of(signature) > TIME_MAX:
                return False
            text, signature = cosigned_message(text, time_of(signature)), signature[_TIME_BYTES:]
        try:
            self.public.verify(signature, text)
        except InvalidSignature:
            return False
        return True

    @classmethod
    def parse(cls, text: str, type: SignatureType = SignatureType.ED25519) -> VerifierKey:  # noqa: A002 - the spec's word
        """The key that the text states.

        Args:
            text: `name+id+base64`.
            type: the one that is needed here; a witness's key is no log's, nor the other way round.

        Raises:
            ConfigError: it is malformed, its id does not fit, or it is of another type.
        """
        match = _KEY_TEXT.fullmatch(text.strip()) if _is_unicode(text) else None
        encoded = _unb64(match["key"]) if match else None
        if match is None or encoded is None or len(encoded) != 1 + _KEY_BYTES:
            raise ConfigError("this is no verifier key", hint="a key reads name+id+base64, all in one line")
        if encoded[0] != type:
            raise ConfigError(
                f"this is no {_TYPE_NAMES[type]} but a key of type {encoded[0]}",
                hint=f"a {_TYPE_NAMES[type]} is of type {type.value}",
            )
        key = cls(match["name"], Ed25519PublicKey.from_public_bytes(encoded[1:]), type)
        if key.id.hex() != match["id"]:
            raise ConfigError("the verifier key was altered: its id does not fit its name and key")
        return key

    def _encoded(self) -> bytes:
        return bytes([self.type]) + self.public.public_bytes_raw()


_TYPE_NAMES = {SignatureType.ED25519: "log's key", SignatureType.COSIGNATURE: "witness's key"}


@dataclass(frozen=True)
class NoteSignature:
    """One signature that was found good.

    Attributes:
        key: that made it.
        data: without the key id; a cosignature begins with its time.
    """

    key: VerifierKey
    data: bytes


def cosigned_message(text: bytes, time_s: int) -> bytes:
    """What a witness signs (c2sp.org/tlog-cosignature): a fixed header, its time, and the whole note text."""
    return b"cosignature/v1\ntime %d\n%s" % (time_s, text)


def time_of(cosignature: bytes) -> int:
    """The unix seconds that a cosignature begins with."""
    return int.from_bytes(cosignature[:_TIME_BYTES], "big")


def verifier_key(
    name: str,
    key: Ed25519PrivateKey,
    type: SignatureType = SignatureType.ED25519,  # noqa: A002 - the spec's word
) -> VerifierKey:
    """The public half of a signing key, under the name it signs with.

    Raises:
        ConfigError: the name is empty or holds white space, control characters, or a plus sign.
    """
    if not re.fullmatch(r"[^+\s\x00-\x1f]+", name):
        raise ConfigError(
            "a key name has neither spaces nor plus signs", hint="for example city.example/audit"
        )
    return VerifierKey(name, key.public_key(), type)


def sign_note(text: bytes, name: str, key: Ed25519PrivateKey) -> bytes:
    """The text with one signature.

    Raises:
        ConfigError: the name cannot name a key.
        ValueError: the text is no note text: UTF-8, ending in a newline, no control characters.
    """
    if not text.endswith(b"\n") or _CONTROL.search(text):
        raise ValueError("a note's text ends in a newline and has no control characters")
    text.decode()
    return text + b"\n" + signature_line(verifier_key(name, key), key.sign(text))


def signature_line(key: VerifierKey, data: bytes) -> bytes:
    """The line that stands under a note for one signature."""
    return _DASH + f"{key.name} {_b64(key.id + data)}\n".encode()


def open_note(note: bytes, keys: Sequence[VerifierKey]) -> bytes:
    """The text, if at least one of the keys signed it. Signatures of unknown keys are passed over.

    Raises:
        LogCorrupt: malformed, signed by none of the keys, or a signature under a known key is wrong.
    """
    return open_signed(note, keys)[0]


def open_signed(note: bytes, keys: Sequence[VerifierKey]) -> tuple[bytes, list[NoteSignature]]:
    """The text and the good signatures under it, in order; of one key only its first.

    Raises:
        LogCorrupt: as `open_note`.
    """
    text, signatures = split_note(note)
    known = {(key.name, key.id): key for key in keys}
    good: dict[VerifierKey, NoteSignature] = {}
    for name, key_id, data in signatures:
        key = known.get((name, key_id))
        if key is None:
            continue
        # One wrong signature under a known key spoils the note: somebody altered it.
        if not key.verifies(text, data):
            raise LogCorrupt(f"the signature of {name} does not fit its text")
        good.setdefault(key, NoteSignature(key, data))
    if not good:
        names = ", ".join(sorted({name for name, _, _ in signatures})) or "nobody"
        raise LogCorrupt(
            f"signed by {names}, not by the key given", hint="compare the key and the log's origin"
        )
    return text, list(good.values())


def split_note(note: bytes) -> tuple[bytes, list[tuple[str, bytes, bytes]]]:
    """The text, and of each signature under it: name, key id, data. Nothing is verified.

    Raises:
        LogCorrupt: this is not a signed note.
    """
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


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unb64(text: str) -> bytes | None:
    """The bytes, if the text is their one standard encoding."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _b64(data) == text else None
