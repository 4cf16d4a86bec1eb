"""The end of a stream (9): the connector's signed account, held against what arrived."""

from __future__ import annotations

from pydantic import ValidationError

from exchange.client.tally import Tally
from exchange.errors import RequestInvalid, SourceFailed, StreamBroken, StreamMismatch
from exchange.model.receipt import End, Outcome, Receipt
from exchange.model.subject import Kind
from exchange.security.receipts import Trust, open_receipt
from exchange.wire.flight import Bytes

TRAILER_BYTES_MAX = 64 * 1024


def read_trailer(app_metadata: Bytes) -> Receipt:
    """The receipt in the last message.

    Raises:
        StreamMismatch: it is not one.
    """
    if len(app_metadata) > TRAILER_BYTES_MAX:
        raise StreamMismatch("the stream's trailer is larger than a trailer can be")
    try:
        return Receipt.model_validate_json(bytes(app_metadata))
    except ValidationError:
        raise StreamMismatch("the stream's trailer is not a receipt") from None


def verify_trailer(receipt: Receipt, trust: Trust, *, at_us: int, ticket: str, department: str) -> End:
    """The account, if the dataset's own connector signed it for this ticket.

    Args:
        receipt: from the last message.
        trust: the city's roots; the receipt itself carries its issuers.
        at_us: now, in unix microseconds.
        ticket: access id.
        department: the dataset's.

    Raises:
        StreamMismatch: the signature does not hold, its certificate leads to no root, or it speaks of
            something else.
    """
    try:
        statement, subject = open_receipt(receipt, trust, at_us)
    except RequestInvalid as error:
        raise StreamMismatch(f"the stream's trailer cannot be believed: {error.public}") from None
    if subject.kind is not Kind.CONNECTOR or subject.department != department:
        raise StreamMismatch("the stream's trailer was not signed by the dataset's connector")
    if not isinstance(statement, End) or statement.ticket != ticket:
        raise StreamMismatch("the stream's trailer speaks of another read")
    return statement


def settle(end: End, tally: Tally) -> None:
    """Nothing, if the stream is complete and both ends counted the same.

    Raises:
        StreamMismatch: they did not.
        SourceFailed: the connector says its source failed.
        StreamBroken: the connector says that it did not finish.
    """
    here = (tally.rows, tally.bytes, tally.batches, tally.digest)
    if here != (end.rows, end.bytes, end.batches, end.digest):
        raise StreamMismatch(
            "what arrived is not what the connector says it sent",
            hint="treat nothing of it as whole; the audit log has both accounts",
        )
    if end.outcome is Outcome.COMPLETE:
        return
    if end.reason == SourceFailed.reason:
        raise SourceFailed("the department's source failed while it was being read", hint="try again later")
    raise StreamBroken(f"the connector ended the stream early: {end.outcome}", reason=end.reason)
