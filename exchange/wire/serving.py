"""The broker's services on grpcio: bytes to model, a plain function, model to bytes.

Messages are parsed inside the guarded call and not by grpcio, so that one that does not parse is answered and
recorded like every other malformed question. What may be judged malformed is handed over unparsed, as a
`Parse`, because only the broker can record it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from pydantic import ValidationError

from exchange.errors import ExchangeError, RequestInvalid
from exchange.model.base import Frozen
from exchange.model.dataset import Dataset
from exchange.model.receipt import Receipt
from exchange.model.request import ReadRequest
from exchange.model.ticket import Ticket
from exchange.v1 import access_pb2, audit_pb2, catalogue_pb2, policy_pb2, receipts_pb2, usage_pb2
from exchange.wire.access import REQUESTS_MAX, refusal_to_wire, request_from_wire
from exchange.wire.asking import Entry, Grant
from exchange.wire.auditing import Remains
from exchange.wire.catalogue import columns_to_wire, dataset_from_wire, keys_to_wire
from exchange.wire.clients import Beat, Registered, Reviewed, Settled
from exchange.wire.methods import unary
from exchange.wire.moments import timestamp
from exchange.wire.policy_files import files_from_wire
from exchange.wire.receipts import receipt_from_wire
from exchange.wire.revisions import History, InForceNow, history_to_wire, in_force_to_wire, part_to_wire
from exchange.wire.status import guarded

Call = grpc.ServicerContext
Service = Any
"""What `grpc.Server.add_generic_rpc_handlers` takes."""
MessageT = TypeVar("MessageT", bound=Message)
T = TypeVar("T")
Parse = Callable[[], T]
"""Yields the request, or raises RequestInvalid."""

DATASETS_MAX = 1000
RECEIPTS_MAX = 1000
REVIEWED_MAX = 1000

SERVICES = tuple(
    service.full_name
    for module in (access_pb2, catalogue_pb2, receipts_pb2, policy_pb2, audit_pb2, usage_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
)
"""Full names of the contract's services, for health and reflection."""


class Taken(Frozen):
    """What became of one receipt: its record's index, or why it was refused ("" if it was not)."""

    audit_index: int = 0
    refused: str = ""


class Publication(Frozen):
    """What a steward publishes: files below the department's folder, the reason, the signature over both."""

    files: dict[str, bytes]
    message: str
    signed: Receipt


def access_service(
    request_access: Callable[[Parse[ReadRequest], Call], Grant],
    request_many: Callable[[Sequence[Parse[ReadRequest]], Call], Sequence[Grant | ExchangeError]],
) -> Service:
    """AccessService (steps 1 to 5)."""

    def call(message: bytes, context: Call) -> Message:
        parse = _parse(access_pb2.RequestAccessRequest, message)
        return _grant_to_wire(request_access(lambda: request_from_wire(parse()), context))

    def call_many(message: bytes, context: Call) -> Message:
        requests = _parse(access_pb2.RequestAccessManyRequest, message)().requests
        if len(requests) > REQUESTS_MAX:
            raise RequestInvalid(f"at most {REQUESTS_MAX} questions are asked at once")
        answers = request_many([partial(request_from_wire, request) for request in requests], context)
        return access_pb2.RequestAccessManyResponse(answers=map(_answer_to_wire, answers))

    return _service("AccessService", {"RequestAccess": unary(call), "RequestAccessMany": unary(call_many)})


def catalogue_service(
    list_datasets: Callable[[Call], tuple[Sequence[Entry], int]],
) -> Service:
    """CatalogueService."""

    def call(_message: bytes, context: Call) -> Message:
        entries, revision = list_datasets(context)
        return catalogue_pb2.ListDatasetsResponse(datasets=map(_entry_to_wire, entries), revision=revision)

    return _service("CatalogueService", {"ListDatasets": unary(call)})


def connector_service(
    register: Callable[[Parse[tuple[str, tuple[Dataset, ...]]], Call], Registered],
    heartbeat: Callable[[str, Settled | None, Call], Beat],
    review: Callable[[Parse[tuple[Ticket, ...]], Call], Reviewed],
) -> Service:
    """ConnectorService."""

    def call_register(message: bytes, context: Call) -> Message:
        parse = _parse(catalogue_pb2.RegisterRequest, message)
        answer = register(lambda: _registration_from_wire(parse()), context)
        return catalogue_pb2.RegisterResponse(
            keys=keys_to_wire(answer.keys), heartbeat_seconds=answer.silent_after_s
        )

    def call_heartbeat(message: bytes, context: Call) -> Message:
        request = _parse(catalogue_pb2.HeartbeatRequest, message)()
        answer = heartbeat(request.location, _settled_from_wire(request), context)
        return catalogue_pb2.HeartbeatResponse(
            keys=keys_to_wire(answer.keys), broker_time=timestamp(answer.broker_time_us)
        )

    def call_review(message: bytes, context: Call) -> Message:
        parse = _parse(catalogue_pb2.ReviewTicketsRequest, message)
        answer = review(lambda: _tickets_from_wire(parse()), context)
        return catalogue_pb2.ReviewTicketsResponse(revision=answer.revision, revoked=sorted(answer.revoked))

    return _service(
        "ConnectorService",
        {
            "Register": unary(call_register),
            "Heartbeat": unary(call_heartbeat),
            "ReviewTickets": unary(call_review),
        },
    )


def receipt_service(
    submit: Callable[[Parse[tuple[Receipt, ...]], Call], Sequence[Taken]],
) -> Service:
    """ReceiptService (step 10)."""

    def call(message: bytes, context: Call) -> Message:
        parse = _parse(receipts_pb2.SubmitReceiptsRequest, message)
        taken = submit(lambda: _receipts_from_wire(parse()), context)
        return receipts_pb2.SubmitReceiptsResponse(
            results=[
                receipts_pb2.ReceiptResult(audit_index=one.audit_index, refused=one.refused) for one in taken
            ]
        )

    return _service("ReceiptService", {"SubmitReceipts": unary(call)})


def policy_service(
    publish: Callable[[Parse[Publication], Call], tuple[int, str]],
    revision: Callable[[Call], InForceNow],
    history: Callable[[int, int, Call], History],
    part: Callable[[int, Call], dict[str, bytes]],
) -> Service:
    """PolicyService; `publish` answers with the revision and its digest, `history` takes before and count."""

    def call_publish(message: bytes, context: Call) -> Message:
        parse = _parse(policy_pb2.PublishRequest, message)
        number, digest = publish(lambda: _publication_from_wire(parse()), context)
        return policy_pb2.PublishResponse(revision=number, digest=digest)

    def call_revision(_message: bytes, context: Call) -> Message:
        return in_force_to_wire(revision(context))

    def call_history(message: bytes, context: Call) -> Message:
        request = _parse(policy_pb2.ListRevisionsRequest, message)()
        return history_to_wire(history(request.before, request.count, context))

    def call_part(message: bytes, context: Call) -> Message:
        return part_to_wire(part(_parse(policy_pb2.GetPartRequest, message)().revision, context))

    return _service(
        "PolicyService",
        {
            "Publish": unary(call_publish),
            "GetRevision": unary(call_revision),
            "ListRevisions": unary(call_history),
            "GetPart": unary(call_part),
        },
    )


def audit_service(
    checkpoint: Callable[[Call], tuple[bytes, bytes]],
    entries: Callable[[int, int, Call], Iterator[tuple[int, list[bytes]]]],
    removed: Callable[[Call], Iterator[Remains]],
) -> Service:
    """The part of AuditService for auditors.

    `checkpoint` gives the latest one and the latest that a quorum cosigned; `entries(start, count, call)`
    yields chunks, each with its first record's index; `removed` what retention left of the first segments.
    """

    def call_checkpoint(_message: bytes, context: Call) -> Message:
        latest, cosigned = checkpoint(context)
        return audit_pb2.GetCheckpointResponse(checkpoint=latest, cosigned=cosigned)

    def call_entries(message: bytes, context: Call) -> Iterator[bytes]:
        with guarded(context):
            request = _parse(audit_pb2.ReadEntriesRequest, message)()
            for start, chunk in entries(request.start, request.count, context):
                yield audit_pb2.ReadEntriesResponse(start=start, entries=chunk).SerializeToString()

    def call_removed(_message: bytes, context: Call) -> Iterator[bytes]:
        with guarded(context):
            for piece in removed(context):
                yield audit_pb2.ReadRemovedResponse(
                    seal=piece.seal, kept=piece.kept, hashes=piece.hashes
                ).SerializeToString()

    return _service(
        "AuditService",
        {
            "GetCheckpoint": unary(call_checkpoint),
            "ReadEntries": grpc.unary_stream_rpc_method_handler(call_entries),
            "ReadRemoved": grpc.unary_stream_rpc_method_handler(call_removed),
        },
    )


def _service(name: str, methods: dict[str, Any]) -> Service:
    return grpc.method_handlers_generic_handler(f"exchange.v1.{name}", methods)


def _parse(kind: type[MessageT], message: bytes) -> Parse[MessageT]:
    def parse() -> MessageT:
        try:
            return kind.FromString(message)
        except DecodeError:
            raise RequestInvalid(f"the message is not an {kind.DESCRIPTOR.full_name}") from None

    return parse


def _grant_to_wire(grant: Grant) -> access_pb2.RequestAccessResponse:
    return access_pb2.RequestAccessResponse(
        id=grant.id,
        ticket=grant.ticket.decode(),
        endpoints=[
            access_pb2.Endpoint(location=offer.location, department=offer.department)
            for offer in grant.offers
        ],
        columns=columns_to_wire(grant.columns),
        revision=grant.revision,
        audit_index=grant.audit_index,
        expires_at=timestamp(grant.expires_us),
        trace_id=grant.trace_id,
    )


def _answer_to_wire(answer: Grant | ExchangeError) -> access_pb2.AccessAnswer:
    if isinstance(answer, ExchangeError):
        return access_pb2.AccessAnswer(refused=refusal_to_wire(answer))
    return access_pb2.AccessAnswer(granted=_grant_to_wire(answer))


_AVAILABILITY = {
    "serving": catalogue_pb2.AVAILABILITY_SERVING,
    "silent": catalogue_pb2.AVAILABILITY_SILENT,
    "unregistered": catalogue_pb2.AVAILABILITY_UNREGISTERED,
}


def _entry_to_wire(entry: Entry) -> catalogue_pb2.DatasetEntry:
    return catalogue_pb2.DatasetEntry(
        id=entry.id,
        title=entry.title,
        department=entry.department,
        purposes=entry.purposes,
        columns=columns_to_wire(entry.columns),
        availability=_AVAILABILITY[entry.availability],
        sharing=entry.sharing,
        grade=entry.grade,
        update_cycle=entry.update_cycle,
    )


def _registration_from_wire(message: catalogue_pb2.RegisterRequest) -> tuple[str, tuple[Dataset, ...]]:
    if len(message.datasets) > DATASETS_MAX:
        raise RequestInvalid(f"a connector registers at most {DATASETS_MAX} datasets")
    return message.location, tuple(map(dataset_from_wire, message.datasets))


def _tickets_from_wire(message: catalogue_pb2.ReviewTicketsRequest) -> tuple[Ticket, ...]:
    if len(message.claims) > REVIEWED_MAX:
        raise RequestInvalid(f"at most {REVIEWED_MAX} tickets are reviewed at once")
    try:
        return tuple(map(Ticket.model_validate_json, message.claims))
    except ValidationError:
        raise RequestInvalid("one of these is no ticket") from None


def _settled_from_wire(message: catalogue_pb2.HeartbeatRequest) -> Settled | None:
    if not (message.HasField("settled_since") and message.HasField("settled_until")):
        return None
    return Settled(
        since_us=message.settled_since.ToMicroseconds(), until_us=message.settled_until.ToMicroseconds()
    )


def _receipts_from_wire(message: receipts_pb2.SubmitReceiptsRequest) -> tuple[Receipt, ...]:
    if len(message.receipts) > RECEIPTS_MAX:
        raise RequestInvalid(f"at most {RECEIPTS_MAX} receipts are taken at once")
    return tuple(map(receipt_from_wire, message.receipts))


def _publication_from_wire(message: policy_pb2.PublishRequest) -> Publication:
    return Publication(
        files=files_from_wire(message.files),
        message=message.message,
        signed=receipt_from_wire(message.signed),
    )
