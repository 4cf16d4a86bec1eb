"""Signed statements: model to message and back."""

from __future__ import annotations

from pydantic import ValidationError

from exchange.errors import RequestInvalid
from exchange.model.receipt import Receipt
from exchange.v1 import receipts_pb2 as pb


def receipt_to_wire(receipt: Receipt) -> pb.Receipt:
    """A receipt as a message."""
    return pb.Receipt(
        statement=receipt.statement,
        signature=bytes.fromhex(receipt.signature),
        certificate=bytes.fromhex(receipt.certificate),
        issuers=map(bytes.fromhex, receipt.issuers),
    )


def receipt_from_wire(message: pb.Receipt) -> Receipt:
    """The receipt a message carries; nothing in it is verified yet.

    Raises:
        RequestInvalid: a part is over its size.
    """
    try:
        return Receipt(
            statement=message.statement,
            signature=message.signature.hex(),
            certificate=message.certificate.hex(),
            issuers=tuple(issuer.hex() for issuer in message.issuers),
        )
    except ValidationError:
        raise RequestInvalid("a receipt is larger than a receipt can be") from None
