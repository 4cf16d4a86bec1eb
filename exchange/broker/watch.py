"""Those who watch the log, put together: its tree, its trust policy, its witnesses."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.log import AuditLog
from exchange.audit.proofs.note import VerifierKey, verifier_key
from exchange.audit.proofs.tree import StoredTree
from exchange.audit.proofs.trust import TrustPolicy
from exchange.broker.desks.witnesses import WitnessDesk
from exchange.broker.rounds import Rounds
from exchange.broker.settings import BrokerSettings
from exchange.broker.witnessed import Witnessed
from exchange.errors import ConfigError
from exchange.model.clock import Clock
from exchange.security import files


@dataclass(frozen=True)
class Watch:
    """The parts that prove the log to others.

    Attributes:
        key: of the log.
        tree: its hashes on disk.
        witnessed: what the witnesses' word allows.
        desk: speaks with them.
        witnesses: those whose cosignatures count.
    """

    key: VerifierKey
    tree: StoredTree
    witnessed: Witnessed
    desk: WitnessDesk
    witnesses: tuple[VerifierKey, ...]


def open_watch(
    settings: BrokerSettings, signing: Ed25519PrivateKey, log: AuditLog, clock: Clock, undo: ExitStack
) -> Watch:
    """The watch over a log that was opened held; it is released here if no witnesses need to be heard first.

    Raises:
        ConfigError: the trust policy is malformed, or is another log's.
        LogCorrupt: what a witness showed to an earlier process still contradicts the log.
    """
    wanted = settings.witnesses
    key = verifier_key(f"{settings.trust_domain}/audit", signing)
    policy = _trust_policy(wanted.policy, key)
    tree = StoredTree(log.folder)
    undo.callback(tree.close)
    witnessed = Witnessed(log, key, policy, tree)
    # without a quorum to wait for, everyone is offered the latest
    round_s = wanted.round_s if policy.witnesses else 0.0
    desk = WitnessDesk(
        key,
        policy,
        witnessed=witnessed,
        rounds=Rounds(log.checkpoint, policy, log.folder, clock, round_s=round_s),
        tree=tree,
        trust_domain=settings.trust_domain,
        alarm_s=wanted.alarm_s,
    )
    return Watch(key, tree, witnessed, desk, tuple(policy.witnesses.values()))


def _trust_policy(path: Path | None, key: VerifierKey) -> TrustPolicy:
    if path is None:
        return TrustPolicy.of_key(key)
    policy = TrustPolicy.parse(files.read_public(path))
    if policy.log_named(key.name) != key:
        raise ConfigError(
            f"{path} names another key for the log {key.name} than this broker signs with",
            hint=f"its `log` line should read: log {key.text}",
        )
    return policy
