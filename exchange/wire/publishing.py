"""A steward's publication: what is signed, and the calls that hand it to the broker."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import grpc

from exchange.model.canonical import JsonValue, canonical
from exchange.model.receipt import Receipt
from exchange.v1 import policy_pb2, policy_pb2_grpc
from exchange.wire.policy_files import files_to_wire
from exchange.wire.receipts import receipt_to_wire
from exchange.wire.status import error_of

PUBLICATION = "publication"
"""The kind of signed value a publication is (`StatementSigner.sign_canonical`)."""


def publication_claims(
    department: str, files: Mapping[str, bytes], message: str, revision: int, *, signer: str, created: str
) -> dict[str, JsonValue]:
    """What a steward signs.

    Args:
        department: whose files they are.
        files: all of them, by path below the department's folder.
        message: why, for the audit log.
        signer: SPIFFE id of the steward who signs.
        created: RFC 3339, when.
        revision: in force when the steward looked. The broker refuses the publication if it is another one
            by then, so that nobody overwrites what he has not seen and nothing is published twice (T32).
    """
    return {
        "created": created,
        "department": department,
        "files": content_digest(files),
        "message": message,
        "revision": revision,
        "signer": signer,
    }


def file_digests(files: Mapping[str, bytes]) -> list[JsonValue]:
    """Path and SHA-256 (hex) of each file, in path order."""
    return [[path, hashlib.sha256(files[path]).hexdigest()] for path in sorted(files)]


def content_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 (hex) over the canonical JSON of `file_digests`."""
    # paths may be of any alphabet, keys of a signed object may not: therefore a list
    return hashlib.sha256(canonical(file_digests(files))).hexdigest()


def publish(
    channel: grpc.Channel, files: Mapping[str, bytes], message: str, signed: Receipt, *, timeout_s: float
) -> tuple[int, str]:
    """Put the files into force; the new revision and the digest of its bundle.

    Raises:
        PolicyInvalid: names the first file and line that is wrong, or says that the revision moved on.
        ExchangeError: what the broker answered, typed.
    """
    request = policy_pb2.PublishRequest(
        files=files_to_wire(files),
        message=message,
        signed=receipt_to_wire(signed),
    )
    try:
        answer = policy_pb2_grpc.PolicyServiceStub(channel).Publish(request, timeout=timeout_s)
    except grpc.RpcError as error:
        raise error_of(error, doing="publishing policy files") from None
    return answer.revision, answer.digest
