"""The services on the wire, each a thin line from the call's peer to the part that answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exchange.broker.assembly import Parts
from exchange.broker.chains import presented
from exchange.broker.desks.flight import FlightFront
from exchange.wire import serving
from exchange.wire.proving import proof_service
from exchange.wire.questions import question_service
from exchange.wire.serving import Call
from exchange.wire.usage import usage_service
from exchange.wire.witnessing import witness_service


def handlers(parts: Parts) -> list[Any]:
    """Every handler of the broker's server but health and reflection."""
    gate = parts.gate

    def read_entries(start: int, count: int, call: Call) -> Iterator[tuple[int, list[bytes]]]:
        return parts.auditors.entries(gate.peer(call).subject, start, count)

    return [
        serving.access_service(
            lambda parse, call: parts.door.authorise(gate.peer(call), parse),
            lambda asked, call: parts.door.authorise_all(gate.peer(call), asked),
        ),
        serving.catalogue_service(lambda call: parts.catalogue.entries(gate.peer(call).subject)),
        serving.connector_service(
            lambda parse, call: parts.connectors.register(gate.peer(call).subject, parse),
            lambda location, settled, call: parts.connectors.heartbeat(
                gate.peer(call).subject, location, settled
            ),
            lambda parse, call: parts.revocations.review(gate.peer(call).subject, parse),
        ),
        serving.receipt_service(
            lambda parse, call: parts.receipts.submit(gate.peer(call), presented(call.auth_context()), parse)
        ),
        serving.policy_service(
            lambda parse, call: parts.policies.publish(
                gate.peer(call), presented(call.auth_context()), parse
            ),
            lambda _call: parts.history.revision(),
            lambda before, count, _call: parts.history.history(before, count),
            lambda revision, call: parts.history.part(gate.peer(call).subject, revision),
        ),
        question_service(
            lambda revision, call: parts.questions.bundle(gate.peer(call).subject, revision),
            lambda access, call: parts.questions.decision(gate.peer(call).subject, access),
        ),
        serving.audit_service(
            lambda call: (parts.auditors.checkpoint(gate.peer(call).subject), parts.witnesses.cosigned),
            read_entries,
            lambda call: parts.auditors.removed(gate.peer(call).subject),
        ),
        witness_service(
            lambda shown, call: parts.witnesses.witness(gate.peer(call).subject, shown),
            lambda size, line, call: parts.witnesses.cosigned_by(gate.peer(call).subject, size, line),
        ),
        proof_service(lambda wanted, call: parts.auditors.prove(gate.peer(call).subject, wanted)),
        usage_service(lambda parse, call: parts.usage.usage(gate.peer(call).subject, parse)),
        FlightFront(gate, parts.door, parts.catalogue).handler(),
    ]
