"""A signed bundle as a file: one department's policy files, what its steward says of them, and his signature.

    manifest.json    canonical JSON: department, files with their SHA-256, content digest, previous revision,
                     created, signer, message
    signature.json   canonical JSON: the signed statement, signature, certificate, issuers
    files/…          the files, by path below the department's folder

A plain tar (POSIX ustar), members in this order and then by path, all metadata fixed: the same content and
signature make the same bytes. Only the signature counts; the manifest is for people and must agree with it.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from exchange.errors import ConfigError, IdentityError, PolicyInvalid, RequestInvalid
from exchange.model.canonical import JsonValue, canonical
from exchange.model.receipt import Receipt
from exchange.model.subject import Kind, Subject
from exchange.policy.files.tree import replace_own
from exchange.security.identity import subject_of
from exchange.security.receipts import Trust
from exchange.security.signing import (
    StatementSigner,
    embedded_certificate,
    embedded_issuers,
    verify_canonical,
)
from exchange.wire.publishing import PUBLICATION, content_digest, file_digests, publication_claims

MANIFEST, SIGNATURE, FILES = "manifest.json", "signature.json", "files/"
BYTES_MAX = 64 << 20
MEMBERS_MAX = 256


@dataclass(frozen=True)
class SignedBundle:
    """What a steward signed, ready to be handed in by any steward of his department.

    Attributes:
        department: whose files.
        files: by path below the department's folder; the city's below the root.
        message: why.
        previous: the revision the steward had seen; the broker refuses the bundle once another is in force.
        created: RFC 3339.
        signer: SPIFFE id.
        signed: the signature over all of that.
    """

    department: str
    files: Mapping[str, bytes]
    message: str
    previous: int
    created: str
    signer: str
    signed: Receipt

    @property
    def content(self) -> str:
        """SHA-256 (hex) over the files: the canonical JSON of their paths and digests."""
        return content_digest(self.files)

    def to_json(self) -> str:
        """The manifest, for programs."""
        return canonical(_manifest(self)).decode()


def sign(
    signer: StatementSigner,
    steward: Subject,
    files: Mapping[str, bytes],
    message: str,
    *,
    previous: int,
    created: str,
) -> SignedBundle:
    """The files signed as the steward's own department's."""
    department = steward.department
    claims = publication_claims(department, files, message, previous, signer=steward.id, created=created)
    signed = signer.sign_canonical(PUBLICATION, claims)
    return SignedBundle(department, dict(files), message, previous, created, steward.id, signed)


def to_bytes(bundle: SignedBundle) -> bytes:
    """The bundle as a tar file."""
    members = {
        MANIFEST: canonical(_manifest(bundle)),
        SIGNATURE: canonical(bundle.signed.model_dump(mode="json")),
        **{FILES + path: bundle.files[path] for path in sorted(bundle.files)},
    }
    buffer = io.BytesIO()
    # PAX carries any name; with fixed metadata plain names need no extra header
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, 0
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def from_file(path: Path) -> SignedBundle:
    """The bundle in a file; nothing of it is verified yet.

    Raises:
        ConfigError: the file cannot be read.
        PolicyInvalid: it is no signed bundle, or one with members that no bundle has.
    """
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(content) > BYTES_MAX:
        raise PolicyInvalid(f"{path} is larger than a bundle can be")
    try:
        return from_bytes(content)
    except PolicyInvalid as error:
        raise PolicyInvalid(f"{path}: {error.public}", hint=error.hint) from None


def from_bytes(content: bytes) -> SignedBundle:
    """The bundle in these bytes; as `from_file`."""
    members = _members(content)
    try:
        signed = Receipt.model_validate_json(members.pop(SIGNATURE))
    except KeyError:
        raise PolicyInvalid(
            "the bundle is not signed", hint="exchange policy bundle makes a signed one"
        ) from None
    except ValidationError:
        raise PolicyInvalid(f"{SIGNATURE} holds no signature") from None
    manifest = members.pop(MANIFEST, b"")
    files = {name.removeprefix(FILES): data for name, data in members.items() if name.startswith(FILES)}
    if len(files) != len(members):
        raise PolicyInvalid("the bundle has members that no bundle has")
    bundle = _claimed(signed, files)
    if canonical(_manifest(bundle)) != manifest:
        raise PolicyInvalid(f"{MANIFEST} does not agree with what was signed", hint="do not use this bundle")
    return bundle


def verify(bundle: SignedBundle, trust: Trust, at_us: int) -> Subject:
    """The steward who signed it, if the signature holds; needs the city's roots and nothing else.

    Args:
        bundle: as it was read.
        trust: the city's roots.
        at_us: unix microseconds at which the certificates must be valid.

    Raises:
        PolicyInvalid: the signature does not hold, is for other files, or is no steward's of the department.
    """
    try:
        certificate = embedded_certificate(bundle.signed)
        signer = subject_of(certificate, trust.trust_domain)
        claims = verify_canonical(bundle.signed, certificate, PUBLICATION)
    except (RequestInvalid, IdentityError) as error:
        raise _bad(error.public) from None
    if not trust.vouches_for(certificate, signer.id, at_us, embedded_issuers(bundle.signed)):
        raise _bad("no trusted authority vouches for the signer now")
    if signer.kind is not Kind.STEWARD or (signer.department, signer.id) != (
        bundle.department,
        bundle.signer,
    ):
        raise _bad(f"{signer.id} is no steward of {bundle.department}")
    expected = publication_claims(
        bundle.department,
        bundle.files,
        bundle.message,
        bundle.previous,
        signer=bundle.signer,
        created=bundle.created,
    )
    if claims != expected:
        raise _bad("the signature is for other files")
    # a path that reaches out of the department's folder must not even look right here
    replace_own({}, bundle.department, bundle.files)
    return signer


def _manifest(bundle: SignedBundle) -> dict[str, JsonValue]:
    return {
        "content": bundle.content,
        "created": bundle.created,
        "department": bundle.department,
        "files": file_digests(bundle.files),
        "message": bundle.message,
        "previous": bundle.previous,
        "signer": bundle.signer,
    }


def _claimed(signed: Receipt, files: dict[str, bytes]) -> SignedBundle:
    try:
        claims: dict[str, Any] = json.loads(signed.statement)
        texts = [claims[name] for name in ("department", "message", "created", "signer")]
        previous = claims["revision"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise PolicyInvalid("what was signed is no publication") from None
    if not all(isinstance(text, str) for text in texts) or type(previous) is not int:
        raise PolicyInvalid("what was signed is no publication")
    department, message, created, signer = texts
    return SignedBundle(department, files, message, previous, created, signer, signed)


def _members(content: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for entry in archive:
                if not entry.isreg() or entry.name in found or len(found) >= MEMBERS_MAX:
                    raise PolicyInvalid("a bundle holds plain files only, each once")
                data = archive.extractfile(entry)
                # read into memory, never onto a disk: a name here can reach nothing
                found[entry.name] = data.read() if data else b""
    except (tarfile.TarError, OSError, ValueError, EOFError):
        raise PolicyInvalid("it is not a bundle", hint="exchange policy bundle makes one") from None
    return found


def _bad(why: str) -> PolicyInvalid:
    return PolicyInvalid(f"the bundle is not genuine: {why}", hint="ask its steward for another one")
