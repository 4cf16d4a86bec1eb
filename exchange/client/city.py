"""The front door of the client: `exchange.connect`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from exchange.audit.memory import LogMemory
from exchange.audit.proofs.note import VerifierKey
from exchange.client.access import ask_many, build_request
from exchange.client.alarms import Alarm, Alarms
from exchange.client.catalogue import Catalogue
from exchange.client.expected import Waiting, of_decision, of_receipt
from exchange.client.inclusion import Inclusion
from exchange.client.postbox import Postbox
from exchange.client.reading import Reading
from exchange.client.session import Session
from exchange.client.settings import ClientSettings
from exchange.client.spool import Spool
from exchange.config import load
from exchange.model.clock import Clock, SystemClock
from exchange.model.receipt import Receipt
from exchange.model.request import ReadRequest
from exchange.wire import asking
from exchange.wire.asking import Grant
from exchange.wire.clients import record_receipts
from exchange.wire.proving import Proven, Wanted, prove_inclusion

RECEIPT_S = 5.0
"""How long the broker may take to record a receipt, each time it is tried."""


class City:
    """The city as one system sees it. Safe to use from many threads; close it, or use it in `with`.

    Args:
        settings: who the system is and where the broker stands.
        clock: where the time comes from.

    Raises:
        ConfigError: a key or certificate is missing, unsafe, malformed or expired.
    """

    def __init__(self, settings: ClientSettings, clock: Clock | None = None) -> None:
        self._session = Session(settings, clock or SystemClock())
        state = settings.state
        self._alarms = Alarms(state / "alarms" if state else None)
        self._inclusion = Inclusion(
            self._prove,
            _memory(settings),
            Waiting(state / "unproven" if state else None),
            self._alarms,
            self._session.clock,
        )
        spool = Spool(state / "receipts") if state else None
        self._postbox = Postbox(self._submit, spool)
        self._postbox.flush()

    @property
    def me(self) -> str:
        """The SPIFFE id under which this client is known."""
        return self._session.subject.id

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What stands against the audit log, also from earlier processes; empty while all is well."""
        return self._alarms.standing()

    @property
    def alarms_folder(self) -> Path | None:
        """Where the alarms are kept, a file each; removing one ends it. None where nothing is kept."""
        return self._alarms.folder

    def on_alarm(self, listener: Callable[[Alarm], None]) -> None:
        """Call this, in a thread of the client's own, when the audit log is not what it must be."""
        self._alarms.listeners.append(listener)

    def datasets(self) -> Catalogue:
        """What this system may see; what it holds no grant for does not exist for it.

        Raises:
            ExchangeError: the broker's answer, typed.
        """
        limits = self._session.settings.limits
        return Catalogue(*asking.list_datasets(self._session.broker, timeout_s=limits.ask_s))

    def read(
        self,
        dataset: str,
        *,
        purpose: str,
        columns: Sequence[str] = (),
        where: str = "",
        limit: int | None = None,
        retries: int = 0,
        trace_id: str = "",
        at_least_revision: int = 0,
    ) -> Reading:
        """A question to a dataset; nothing is asked before the answer is looked at.

        Args:
            dataset: dataset id, `<department>.<name>`.
            purpose: what the data is for; the grant names it.
            columns: those wanted, in order; empty for all that the policy allows.
            where: the text after WHERE; acts on the data as they arrive, after masks.
            limit: at most so many rows.
            retries: for `to_arrow` and its like; each asks for a new ticket. Never inside an iteration.
            trace_id: W3C trace id to find the read by; chosen where left out.
            at_least_revision: the decision must stand on this policy revision or a newer one: the number that
                a publication or revocation was answered with.

        Raises:
            RequestInvalid: an argument cannot mean anything.
        """
        request = build_request(
            dataset,
            purpose,
            columns=columns,
            where=where,
            limit=limit,
            trace_id=trace_id,
            at_least_revision=at_least_revision,
        )
        return Reading(self._session, self._postbox, request, retries, granted=self._granted)

    def ask(self, readings: Sequence[Reading]) -> None:
        """Ask for many readings in few calls; each answer is used by the next look at its reading.

        A refusal is raised there too, not here. Look soon: tickets live for a minute or so; a reading whose
        ticket has expired asks again by itself.

        Raises:
            Unavailable: the broker or its audit log is not there; try again later.
        """
        answers = ask_many(self._session, [reading.request for reading in readings])
        for reading, answer in zip(readings, answers, strict=True):
            reading.answered(answer)

    def close(self) -> None:
        """Close every connection; idempotent."""
        self._inclusion.close()
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<city {self._session.settings.trust_domain} as {self.me}>"

    def _submit(self, receipts: Sequence[Receipt]) -> tuple[str, ...]:
        answers = record_receipts(self._session.broker, receipts, timeout_s=RECEIPT_S)
        now_us = self._session.clock.now_us()
        for receipt, answer in zip(receipts, answers, strict=True):
            if not answer.refused:
                self._inclusion.expect(of_receipt(receipt, answer.audit_index, self.me, now_us))
        return tuple(answer.refused for answer in answers)

    def _granted(self, grant: Grant, request: ReadRequest) -> None:
        self._inclusion.expect(of_decision(grant, request, self.me, self._session.clock.now_us()))

    def _prove(self, wanted: Wanted) -> Proven:
        limits = self._session.settings.limits
        return prove_inclusion(self._session.broker, wanted, timeout_s=limits.ask_s)


def _memory(settings: ClientSettings) -> LogMemory:
    key = VerifierKey.parse(settings.log_key) if settings.log_key else None
    return LogMemory(settings.state / "log" if settings.state else None, key)


def connect(config: str | Path, *, clock: Clock | None = None) -> City:
    """The city as the system sees it whose configuration this is.

    Nothing is dialled before it is needed, except that receipts which wait on disk are handed over.

    Raises:
        ConfigError: the configuration, a key or a certificate is wrong; the text names the file and the mend.
    """
    return City(load(Path(config), ClientSettings), clock)
