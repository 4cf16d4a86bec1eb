"""The policies of one broker, opened: the revision in force, and the desks that change it and tell of it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from exchange.broker.alarm import PolicyAlarm
from exchange.broker.desks.history import HistoryDesk
from exchange.broker.desks.publications import PolicyDesk
from exchange.broker.desks.signers import Signers
from exchange.broker.in_force import InForce
from exchange.broker.ledger import Ledger
from exchange.broker.settings import BrokerSettings
from exchange.broker.state.catch_up import Readable
from exchange.broker.state.registry import Registry
from exchange.broker.state.revisions import Revisions
from exchange.broker.state.statements import StatementIndex
from exchange.broker.state.store import Store
from exchange.errors import ConfigError, PolicyInvalid
from exchange.model.clock import Clock
from exchange.model.subject import Subject
from exchange.policy.acceptance import Acceptance, check_city
from exchange.policy.engines.choice import open_engine
from exchange.policy.files.tree import read_tree
from exchange.policy.holder import BundleHolder


@dataclass(frozen=True)
class Kept:
    """What a broker remembers things in: its log, its database, and the views upon them."""

    log: Readable
    ledger: Ledger
    store: Store
    registry: Registry
    index: StatementIndex


@dataclass(frozen=True)
class Policies:
    """The revision in force and whoever deals with it."""

    in_force: InForce
    desk: PolicyDesk
    history: HistoryDesk
    alarm: PolicyAlarm


def open_policies(
    settings: BrokerSettings, subject: Subject, clock: Clock, kept: Kept, undo: ExitStack
) -> Policies:
    """The newest revision on record; at the very first start the folder's files, persisted and recorded.

    Raises:
        ConfigError: they are not of this city.
        PolicyInvalid: they do not load.
        AuditUnavailable: the first revision cannot be recorded.
    """
    revisions = Revisions(kept.store)
    latest = revisions.latest()
    tree = latest.tree if latest else read_tree(settings.policies)
    engine = open_engine(settings.rego)
    undo.callback(engine.close)
    holder = BundleHolder(tree, latest.number if latest else 1, engine)
    _check_vocabulary(settings, holder)
    in_force = InForce(holder)
    alarm = PolicyAlarm(clock)
    desk = PolicyDesk(
        holder,
        in_force,
        revisions,
        kept.registry,
        kept.ledger,
        kept.index,
        signers=Signers(settings.tls.roots, settings.trust_domain, clock),
        alarm=alarm,
        acceptance=Acceptance(settings.trust_domain, settings.operating_state, clock),
    )
    if latest is None:
        desk.begin(subject, tree)
    return Policies(in_force, desk, HistoryDesk(holder, revisions, kept.log, alarm), alarm)


def _check_vocabulary(settings: BrokerSettings, holder: BundleHolder) -> None:
    try:
        check_city(holder.current, settings.trust_domain, settings.operating_state)
    except PolicyInvalid as error:
        raise ConfigError(error.public, hint=error.hint) from None
