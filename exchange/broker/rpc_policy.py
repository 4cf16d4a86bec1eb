"""Which kind of actor may make which call at all, in one place; a call that is not listed is refused to all.

This comes before every decision: it never grants data, it only narrows who can reach the code that decides.
"""

from __future__ import annotations

from exchange.model.subject import Kind
from exchange.wire import flight

ANYBODY = frozenset(Kind)
CONSUMERS = frozenset({Kind.SYSTEM})

ALLOWED: dict[str, frozenset[Kind]] = {
    # access flow: only systems read data
    "/exchange.v1.AccessService/RequestAccess": CONSUMERS,
    "/exchange.v1.AccessService/RequestAccessMany": CONSUMERS,
    "/exchange.v1.CatalogueService/ListDatasets": CONSUMERS,
    flight.path("ListFlights"): CONSUMERS,
    flight.path("GetFlightInfo"): CONSUMERS,
    flight.path("GetSchema"): CONSUMERS,
    # both ends of a stream report it
    "/exchange.v1.ReceiptService/SubmitReceipts": frozenset({Kind.SYSTEM, Kind.CONNECTOR}),
    # connectors
    "/exchange.v1.ConnectorService/Register": frozenset({Kind.CONNECTOR}),
    "/exchange.v1.ConnectorService/Heartbeat": frozenset({Kind.CONNECTOR}),
    "/exchange.v1.ConnectorService/ReviewTickets": frozenset({Kind.CONNECTOR}),
    # steward's flow
    "/exchange.v1.PolicyService/Publish": frozenset({Kind.STEWARD}),
    "/exchange.v1.PolicyService/GetRevision": ANYBODY,
    "/exchange.v1.PolicyService/ListRevisions": frozenset({Kind.STEWARD, Kind.AUDITOR}),
    "/exchange.v1.PolicyService/GetPart": frozenset({Kind.STEWARD}),
    "/exchange.v1.PolicyService/GetBundle": frozenset({Kind.STEWARD}),
    "/exchange.v1.PolicyService/GetDecision": frozenset({Kind.STEWARD}),
    # auditor's flow
    "/exchange.v1.AuditService/GetCheckpoint": frozenset({Kind.AUDITOR}),
    "/exchange.v1.AuditService/ReadEntries": frozenset({Kind.AUDITOR}),
    "/exchange.v1.AuditService/ReadRemoved": frozenset({Kind.AUDITOR}),
    # witnesses, and everybody's proof that the log holds what was said of him
    "/exchange.v1.AuditService/Witness": frozenset({Kind.CONNECTOR}),
    "/exchange.v1.AuditService/AddCosignature": frozenset({Kind.CONNECTOR}),
    "/exchange.v1.AuditService/ProveInclusion": frozenset({Kind.AUDITOR, Kind.SYSTEM, Kind.CONNECTOR}),
    # the way back: a department asks who used its own data
    "/exchange.v1.UsageService/GetUsage": frozenset({Kind.SYSTEM, Kind.STEWARD, Kind.CONNECTOR}),
    # operation: what is served and whether it is well; both only within mutual TLS. Health's Watch is not
    # here: each one would hold a worker, and grpcio's non-blocking one deadlocks when it is cancelled
    "/grpc.health.v1.Health/Check": ANYBODY,
    "/grpc.health.v1.Health/List": ANYBODY,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": ANYBODY,
    # every other Flight verb would carry data or tickets another way, and is refused to all
}


def may_call(kind: Kind, method: str) -> bool:
    """Whether an actor of this kind may make this call.

    Args:
        kind: from the certificate.
        method: gRPC path, `/package.Service/Method`.
    """
    return kind in ALLOWED.get(method, frozenset())
