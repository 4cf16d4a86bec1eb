"""A first look at a segment's file, at the speed of the disk: its digest, and the certificates in it.

A receipt can only be judged with its signer's certificate, which stands anywhere before. Workers that begin
in the middle are told all of them; what they then read themselves must be the same ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from exchange.audit.records.entry import parse_canonical
from exchange.audit.records.record import RECORD_BYTES_MAX

Certificates = dict[str, tuple[int, str]]
"""By fingerprint: the index of the first record that has it, and the DER, hex."""
FileDigest = tuple[int, str]
"""Length and SHA-256 (hex) of a file."""

# Canonical form sorts keys: no other kind begins with this one.
_MARK = b'\n{"certificate":"'
_CHUNK = 4 << 20
CERTIFICATES_MAX = 1 << 18
"""Of a segment; a certificate's record takes more than a kilobyte."""


def skim(path: Path, *, sealed: bool) -> tuple[FileDigest | None, Certificates]:
    """The digest of a sealed file, and the certificates in it.

    Raises:
        ValueError: what looks like certificates is far too much.
        OSError: the file cannot be read.
    """
    digest, length, found = hashlib.sha256(), 0, []
    tail = b""
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            if sealed:
                digest.update(chunk)
            found += [length - len(tail) + at for at in _marks(tail + chunk)]
            if len(found) > CERTIFICATES_MAX:
                raise ValueError(f"{path.name} has more certificates than a segment can have")
            length += len(chunk)
            tail = chunk[1 - len(_MARK) :]
        certificates: Certificates = {}
        for at in found:
            file.seek(at + 1)
            _note(certificates, file.read(RECORD_BYTES_MAX + 1).partition(b"\n")[0])
    return ((length, digest.hexdigest()) if sealed else None), certificates


def digest_of(path: Path) -> FileDigest:
    """Length and digest of a file."""
    with path.open("rb", buffering=0) as file:
        digest = hashlib.file_digest(file, hashlib.sha256).hexdigest()
        return file.tell(), digest


def merge(into: Certificates, more: Certificates) -> None:
    """Keep the first record of each certificate."""
    for name, (place, der) in more.items():
        if name not in into or place < into[name][0]:
            into[name] = (place, der)


def _marks(data: bytes) -> Iterator[int]:
    at = data.find(_MARK)
    while at >= 0:
        yield at
        at = data.find(_MARK, at + 1)


def _note(certificates: Certificates, line: bytes) -> None:
    try:
        fields = parse_canonical(line)
        place, name, der = fields["index"], fields["certificate"], fields["der"]
        if type(place) is int and hashlib.sha256(bytes.fromhex(der)).hexdigest() == name:
            merge(certificates, {name: (place, der)})
    except (KeyError, TypeError, ValueError, RecursionError):
        return  # whoever reads that record says what is wrong with it
