"""Witnesses for tests: the connectors' own, without the connectors, against a real broker over mutual TLS."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import broker_house
import grpc
from audit_house import forged
from broker_house import House
from certified import DOMAIN, City
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.memory import LogMemory
from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from exchange.audit.proofs.merkle import Frontier, leaf_hash
from exchange.audit.proofs.note import VerifierKey, verifier_key
from exchange.audit.proofs.trust import TrustPolicy
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.segment import scan
from exchange.broker.settings import WitnessSettings
from exchange.connector.alarms import Alarms
from exchange.connector.uplink.link import BrokerLink
from exchange.connector.uplink.witness import Witness
from exchange.connector.uplink.witness_key import WitnessKey
from exchange.errors import AuditUnavailable, Unavailable
from exchange.model.clock import SystemClock
from exchange.model.subject import CITY, Kind, witness_name
from exchange.security import files, keyfiles
from exchange.security.tls import channel

ORIGIN = f"{DOMAIN}/audit"


@dataclass
class OneWitness:
    """A department's witness with its memory on disk."""

    house: House
    department: str
    folder: Path
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    log_key: VerifierKey | None = None

    def __post_init__(self) -> None:
        self.alarms = Alarms()
        self.reborn()

    @property
    def signing(self) -> WitnessKey:
        return WitnessKey(witness_name(DOMAIN, self.department), self.key)

    def reborn(self) -> None:
        """A new process on the same disk."""
        self.memory = LogMemory(self.folder, self.log_key)
        self.link = BrokerLink(self._dial)
        self.witness = Witness(self.link, self.memory, self.signing, self.alarms, SystemClock(), every_s=1.0)

    def step(self) -> None:
        """One step that is answered; the broker may have come back at another port meanwhile."""
        for _ in range(40):
            try:
                self.witness.step()
            except AuditUnavailable:
                return  # the log was halted
            except Unavailable:
                time.sleep(0.05)  # the newest hashes are written, or signed, in a moment
            else:
                return
            finally:
                self.link.close()
        raise AssertionError("the broker did not answer")

    def see_all(self) -> None:
        """Step until it has accepted a checkpoint over all the records there are."""
        wanted = self.house.running._parts.log.size
        for _ in range(400):
            self.step()
            if self.size >= wanted:
                return
            time.sleep(0.05)
        raise AssertionError(f"saw {self.size} of {wanted} records: {self.alarms.standing}")

    def _dial(self) -> grpc.Channel:
        who = self.house.actor(self.department, Kind.CONNECTOR)
        return channel(f"127.0.0.1:{self.house.running.port}", who, CITY, Kind.BROKER, DOMAIN)

    @property
    def size(self) -> int:
        """Of the largest checkpoint it accepted; 0 for none."""
        return self.memory.seen.checkpoint.size if self.memory.seen else 0


def log_key(folder: Path) -> Ed25519PrivateKey:
    """The log's key of the broker whose state is in `folder`; made before its first start if need be."""
    path = folder / "state" / "keys" / "audit.key"
    if path.exists():
        return keyfiles.load_key(path)
    files.make_folder(path.parent)
    return keyfiles.create_key(path)


def policy_text(folder: Path, witnesses: dict[str, Ed25519PrivateKey], needed: int) -> str:
    """A trust policy over these departments' witnesses, of which so many are needed."""
    lines = [f"log {verifier_key(ORIGIN, log_key(folder)).text}"]
    for department, key in witnesses.items():
        lines.append(f"witness {department} {WitnessKey(witness_name(DOMAIN, department), key).text}")
    return "\n".join([*lines, f"group all-of-them {needed} {' '.join(witnesses)}", "quorum all-of-them", ""])


@contextmanager
def witnessed_house(
    city: City, folder: Path, departments: tuple[str, ...], needed: int, **settings: float
) -> Iterator[tuple[House, list[OneWitness]]]:
    """A broker whose log needs so many of these departments' witnesses."""
    keys = {department: Ed25519PrivateKey.generate() for department in departments}
    text = policy_text(folder, keys, needed)
    (folder / "trust.txt").write_text(text, encoding="utf-8")
    wanted = WitnessSettings(policy=folder / "trust.txt", **settings)
    with broker_house.open_house(city, folder, witnesses=wanted) as house:
        yield house, [OneWitness(house, name, folder / f"witness-{name}", key) for name, key in keys.items()]


def trust(house: House) -> TrustPolicy:
    """The policy that the house was opened with."""
    assert house.settings.witnesses.policy is not None
    return TrustPolicy.parse(house.settings.witnesses.policy.read_text(encoding="utf-8"))


def latest(house: House) -> Checkpoint:
    """The log's latest checkpoint."""
    return open_checkpoint(house.running._parts.log.checkpoint(), verifier_key(ORIGIN, log_key(house.folder)))


def back_up(house: House) -> Path:
    """A copy of the log's folder as it is now."""
    copy = house.folder / "backup"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(house.settings.audit, copy)
    return copy


def put_back(house: House, copy: Path) -> None:
    """Replace the log's folder by a copy of it."""
    shutil.rmtree(house.settings.audit)
    shutil.copytree(copy, house.settings.audit)


def rewrite(house: House) -> None:
    """A forger with the log's own key changes the first record and mends and signs everything."""

    def change(batches: list[list[bytes]]) -> None:
        batches[0][0] = batches[0][0].replace(b'"opened"', b'"closed"')

    copy = forged(house.settings.audit, change, digests=True, leaves=True, commits=True)
    frontier = Frontier()
    for path in Layout(copy).segments():
        for batch in scan(path):
            frontier.extend(leaf_hash(line) for line in batch.records)
    checkpoint = Checkpoint(origin=ORIGIN, size=frontier.size, root=frontier.root())
    Layout(copy).checkpoint.write_bytes(sign_checkpoint(checkpoint, log_key(house.folder)))
    put_back(house, copy)
