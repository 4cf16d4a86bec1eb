"""A log for tests in which a broker, a connector and a consumer say and sign what a test lets them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from audit_house import MovedClock, lines_of, open_log
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from exchange.audit.index.schema import COLUMNS, row_of
from exchange.audit.log import AuditLog, LogLimits
from exchange.audit.reconcile.findings import Finding
from exchange.audit.reconcile.reconcile import reconcile
from exchange.audit.reconcile.suspects import Wanted
from exchange.audit.records.deliveries import delivery
from exchange.audit.records.entry import Entry
from exchange.audit.records.kinds import AdministrationRecord, DecisionRecord, RevocationRecord
from exchange.audit.records.record import moment
from exchange.model.receipt import End, Outcome, Received, Start, Statement
from exchange.security.signing import StatementSigner

CONNECTOR = "spiffe://port.zhongshui.example/connector"
CONSUMER = "spiffe://emergency.zhongshui.example/system/dispatch"
DATASET = "port.航班"
SECOND = 1_000_000
TICKET_S = 60
_KEY = ec.generate_private_key(ec.SECP256R1())
_TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "list": pa.list_(pa.string()),
    "time": pa.timestamp("us", tz="UTC"),
}


def _signer() -> StatementSigner:
    name, start = x509.Name([]), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    until = start + dt.timedelta(days=365)
    return StatementSigner(
        _KEY, x509.CertificateBuilder(name, name, _KEY.public_key(), 7, start, until).sign(_KEY, SHA256()), ()
    )


SIGNER = _signer()


class Telling:
    """One log; every method adds a record of the access id it is given, now."""

    def __init__(self, folder: Path, log: AuditLog, clock: MovedClock) -> None:
        self.folder, self.log, self.clock = folder, log, clock

    def wait(self, seconds: float) -> None:
        self.clock.wall_us += int(seconds * SECOND)

    def decide(self, number: int = 0, **changes: Any) -> int:
        """An allowing decision about the access of that number."""
        fields = {
            "id": access_id(number),
            "subject": CONSUMER,
            "department": "emergency",
            "dataset": DATASET,
            "purpose": "emergency-response",
            "action": "read",
            "decision": "allow",
            "reason": "granted",
            "public_reason": "granted",
            "revision": 3,
            "expires": moment(self.clock.wall_us + TICKET_S * SECOND),
        }
        return self.log.append(DecisionRecord.model_validate(fields | changes))

    def start(self, number: int = 0, *, dataset: str = DATASET, **changes: Any) -> int:
        fields = {"connector": CONNECTOR, "subject": CONSUMER, "at_us": self.clock.wall_us}
        return self._say(Start(ticket=access_id(number), dataset=dataset, **(fields | changes)))

    def end(self, number: int = 0, *, dataset: str = DATASET, **changes: Any) -> int:
        now_us = self.clock.wall_us
        fields = {"connector": CONNECTOR, "started_us": now_us, "ended_us": now_us, **_counts()}
        return self._say(End(ticket=access_id(number), **(fields | changes)), dataset)

    def received(self, number: int = 0, *, dataset: str = DATASET, **changes: Any) -> int:
        fields = {"consumer": CONSUMER, "at_us": self.clock.wall_us, **_counts()}
        return self._say(Received(ticket=access_id(number), **(fields | changes)), dataset)

    def revoke(self, number: int = 0) -> int:
        """The policy does not allow the ticket any more."""
        return self.log.append(
            RevocationRecord(
                id=access_id(number),
                subject=CONSUMER,
                department="emergency",
                dataset=DATASET,
                purpose="emergency-response",
                speaker=CONNECTOR,
                revision=4,
                previous=3,
                reason="no-grant",
            )
        )

    def refused(self, reason: str, speaker: str = CONNECTOR, number: int = 0) -> int:
        """The broker did not take a statement, and recorded that."""
        return self.log.append(
            AdministrationRecord(
                id="f" * 32,
                subject=speaker,
                department=speaker.removeprefix("spiffe://").partition(".")[0],
                call="exchange.v1.ReceiptService/SubmitReceipts",
                target=access_id(number),
                outcome="refused",
                reason=reason,
            )
        )

    def honest(self, number: int = 0, **counts: Any) -> None:
        """A whole access as it should be."""
        self.decide(number)
        self.wait(1)
        self.start(number)
        self.wait(5)
        self.end(number, **counts)
        self.wait(1)
        self.received(number, **counts)

    def findings(self, **wanted: Any) -> list[Finding]:
        """What reconciling the log finds, notes included, a day after the last record."""
        self.wait(24 * 3600)
        self.log.append(
            AdministrationRecord(subject=CONSUMER, call="AuditService/ReadEntries", outcome="done")
        )
        with view_of(self.folder) as records:
            return list(reconcile(self.folder, records, wanted=Wanted(**({"notes": True} | wanted))))

    def codes(self, **wanted: Any) -> list[str]:
        return [found.code for found in self.findings(**wanted)]

    def _say(self, statement: Statement, dataset: str = "") -> int:
        subject = "" if isinstance(statement, Start) else CONSUMER
        return self.log.append(delivery(SIGNER.sign(statement), subject=subject, dataset=dataset))


@contextmanager
def telling(folder: Path, limits: LogLimits | None = None) -> Iterator[Telling]:
    """A fresh log in the folder."""
    clock = MovedClock()
    with open_log(folder, clock=clock, limits=limits) as log:
        yield Telling(folder, log, clock)


@contextmanager
def view_of(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The view `records` over rows made in memory, as an index would hold them."""
    rows = [row_of(entry.index, entry.fields) for entry in map(Entry.parse, lines_of(folder))]
    schema = pa.schema([(name, _TYPES[sort]) for name, sort in COLUMNS.items()])
    with duckdb.connect() as records:
        records.register("records", pa.Table.from_pylist(rows, schema=schema))
        yield records


def access_id(number: int) -> str:
    return f"{number:032x}"


def _counts() -> dict[str, Any]:
    return {"rows": 100, "bytes": 5600, "batches": 2, "digest": "ab" * 32, "outcome": Outcome.COMPLETE}
