"""How a broker is put together from its settings; the order is that of trust: keys, log, state, policies."""

from __future__ import annotations

import fcntl
import importlib.metadata
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from exchange.audit.log import AuditLog, LogLimits
from exchange.audit.proofs.note import verifier_key
from exchange.broker.alarm import PolicyAlarm
from exchange.broker.authorise import FrontDoor
from exchange.broker.calls import Patience
from exchange.broker.desks.auditors import AuditDesk
from exchange.broker.desks.catalogue import Catalogue
from exchange.broker.desks.connectors import ConnectorDesk
from exchange.broker.desks.history import HistoryDesk
from exchange.broker.desks.publications import PolicyDesk
from exchange.broker.desks.questions import QuestionDesk
from exchange.broker.desks.receipts import ReceiptDesk
from exchange.broker.desks.revocations import RevocationDesk
from exchange.broker.desks.usage import UsageDesk
from exchange.broker.desks.witnesses import WitnessDesk
from exchange.broker.gate import Gate
from exchange.broker.judge import Judge
from exchange.broker.keeper import Keeper
from exchange.broker.keys import BrokerKeys, open_keys
from exchange.broker.keys_stated import stated
from exchange.broker.ledger import Ledger
from exchange.broker.policies import Kept, open_policies
from exchange.broker.settings import BrokerSettings
from exchange.broker.state.catch_up import catch_up, mark_seen
from exchange.broker.state.issued import IssuedTickets
from exchange.broker.state.registry import Registry
from exchange.broker.state.revisions import Revisions
from exchange.broker.state.statements import StatementIndex
from exchange.broker.state.store import Store
from exchange.broker.state.upkeep import Upkeep
from exchange.broker.usage_process import UsageProcess
from exchange.broker.watch import Watch, open_watch
from exchange.errors import ConfigError, IdentityError
from exchange.model.clock import Clock
from exchange.model.subject import Kind, Subject
from exchange.security import files
from exchange.security.credentials import load_identity
from exchange.security.identity import subject_of

PUBLIC_KEY = "public.key"


@dataclass(frozen=True)
class Parts:
    """The parts of one broker, each knowing only those it needs."""

    log: AuditLog
    store: Store
    index: StatementIndex
    gate: Gate
    patience: Patience
    door: FrontDoor
    catalogue: Catalogue
    connectors: ConnectorDesk
    receipts: ReceiptDesk
    policies: PolicyDesk
    history: HistoryDesk
    questions: QuestionDesk
    alarm: PolicyAlarm
    revocations: RevocationDesk
    auditors: AuditDesk
    witnesses: WitnessDesk
    usage: UsageDesk
    usage_process: UsageProcess
    keeper: Keeper
    registry: Registry
    keys: BrokerKeys

    def settle(self) -> None:
        """Note at a clean end that the database reflects the log, so that the next start reads little."""
        if not self.index.lags and not self.policies.lags and not self.log.failure:
            mark_seen(self.store, self.log.size)


def assemble(settings: BrokerSettings, clock: Clock, undo: ExitStack) -> Parts:
    """Open everything the settings name; `undo` closes it again in the right order.

    Raises:
        ConfigError, PolicyInvalid, LogCorrupt, AuditUnavailable: says what and where.
    """
    subject, keys, log, watch = _trusted(settings, clock, undo)
    ledger = Ledger(log)
    ledger.append_many(stated(subject.id, keys, watch.key, watch.witnesses, settings.tls))
    store = Store(settings.state / "broker.sqlite")
    undo.callback(store.close)
    catch_up(store, log)
    registry = Registry(store, clock, settings.limits.heartbeat_s)
    index, issued = StatementIndex(store), IssuedTickets(store)
    kept = Kept(log, ledger, store, registry, index)
    policies = open_policies(settings, subject, clock, kept, undo)
    in_force = policies.in_force
    usage_process = UsageProcess(settings.audit, settings.state / "usage")
    undo.callback(usage_process.close)
    keeper = Keeper(log, watch.key, settings.retention, subject.id, clock)
    undo.callback(keeper.close)
    limits, state = settings.limits, settings.operating_state
    patience = Patience(clock, limits.workers)
    judge = Judge(registry, issued, limits, state)
    return Parts(
        log=log,
        store=store,
        index=index,
        gate=Gate(settings.trust_domain, clock, ledger, patience),
        patience=patience,
        door=FrontDoor(in_force, judge, registry, ledger, keys.signer, clock, watch.witnessed),
        catalogue=Catalogue(in_force, registry, clock, state),
        connectors=ConnectorDesk(
            registry,
            Upkeep(store, index),
            ledger,
            clock,
            ticket_keys=keys.ticket_keys,
            heartbeat_s=limits.heartbeat_s,
        ),
        receipts=ReceiptDesk(
            issued, index, ledger, clock, roots=settings.tls.roots, trust_domain=settings.trust_domain
        ),
        policies=policies.desk,
        history=policies.history,
        questions=QuestionDesk(Revisions(store), log, ledger),
        alarm=policies.alarm,
        revocations=RevocationDesk(
            in_force, registry, issued, ledger, clock, trust_domain=settings.trust_domain, state=state
        ),
        auditors=AuditDesk(log, ledger, watch.tree, watch.key),
        witnesses=watch.desk,
        usage=UsageDesk(usage_process, ledger),
        usage_process=usage_process,
        keeper=keeper,
        registry=registry,
        keys=keys,
    )


def _trusted(
    settings: BrokerSettings, clock: Clock, undo: ExitStack
) -> tuple[Subject, BrokerKeys, AuditLog, Watch]:
    """Who the broker is, its keys, its log, and those who watch that."""
    subject = _own_subject(settings, clock)
    files.make_folder(settings.state)
    _lock(settings.state, undo)
    keys = open_keys(settings.state / "keys")
    log = _open_log(settings, keys, clock, subject)
    undo.callback(log.close)
    return subject, keys, log, open_watch(settings, keys.audit, log, clock, undo)


def _own_subject(settings: BrokerSettings, clock: Clock) -> Subject:
    leaf = load_identity(settings.tls, clock.now_us()).leaf
    try:
        subject = subject_of(leaf, settings.trust_domain)
    except IdentityError as error:
        raise ConfigError(
            f"{settings.tls.identity_chain}: {error.public}",
            hint="compare `trust_domain` with the certificate: exchange pki show",
        ) from None
    if subject.kind is not Kind.BROKER:
        raise ConfigError(
            f"{settings.tls.identity_chain} is the certificate of {subject.id}",
            hint="a broker needs one of its own: exchange pki issue DIR broker --department city",
        )
    return subject


def _lock(folder: Path, undo: ExitStack) -> None:
    """One broker for one state; the lock dies with its process (F23)."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    undo.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"another broker uses the state in {folder}", hint="stop it, or give this one a folder of its own"
        ) from None


def _open_log(settings: BrokerSettings, keys: BrokerKeys, clock: Clock, subject: Subject) -> AuditLog:
    origin = f"{settings.trust_domain}/audit"
    log = AuditLog.open(
        settings.audit,
        origin=origin,
        key=keys.audit,
        clock=clock,
        identity=subject.id,
        version=importlib.metadata.version("exchange"),
        limits=LogLimits(segment_bytes_max=settings.limits.segment_bytes),
        held=True,
    )
    # verifiers take the key from here once, over a channel they trust, and keep it
    public = settings.audit / PUBLIC_KEY
    if not public.exists():
        public.write_text(verifier_key(origin, keys.audit).text + "\n", encoding="utf-8")
    return log
