"""The city on disk and as processes: certificates, configurations, data, a broker and three connectors."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from examples.city import data
from exchange.broker.server import WITNESSES
from exchange.cli.scaffold import make_log_key, trust_policy
from exchange.model.subject import CITY, Kind, Subject, spiffe_id
from exchange.security.credentials import TlsSettings
from exchange.security.pki.authority_store import AuthorityStore
from exchange.security.pki.enrolment import enrol
from exchange.security.tls import channel

TRUST_DOMAIN = "zhongshui.example"
POLICIES = Path(__file__).resolve().parents[2] / "policies"
START_S = 20.0
WITNESSES_NEEDED = 2
"""Of the three connectors; the broker answers nothing before so many were heard."""

PROVIDERS = {
    "port": '[source]\nkind = "files"\nroot = "data"\n\n'
    '[[dataset]]\nname = "flights"\ntitle = "港务局 · 航班 (flights of 2013)"\ntable = "flights.parquet"\n',
    "weather": '[source]\nkind = "sqlite"\npath = "data/observations.db"\n\n'
    '[[dataset]]\nname = "observations"\ntitle = "气象局 · 逐时观测 (hourly weather)"\n'
    'table = "observations"\n',
    "registry": '[source]\nkind = "files"\nroot = "data"\n\n'
    '[source.tables.aircraft]\npath = "aircraft.csv"\nnull_texts = ["", "NA"]\n\n'
    '[[dataset]]\nname = "aircraft"\ntitle = "登记局 · 航空器登记 (aircraft)"\ntable = "aircraft"\n',
}
ACTORS = (
    ("emergency", Kind.SYSTEM, "dispatch"),
    ("press", Kind.SYSTEM, "desk"),
    ("research", Kind.SYSTEM, "lab"),
    ("port", Kind.SYSTEM, "ops"),
    ("port", Kind.STEWARD, "chen"),
    (CITY, Kind.AUDITOR, "wang"),
)
"""Who takes part beside the servers: each has a configuration `clients/<name>.toml`."""


@dataclass
class Town:
    """A city in a folder.

    Attributes:
        folder: everything lies below it.
        ports: of the broker ("city") and of each connector.
        processes: those that run, by department.
    """

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def audit(self) -> Path:
        """The audit log's folder."""
        return self.folder / "broker" / "audit"

    @property
    def trust(self) -> Path:
        """The trust policy: the log's key, its witnesses, their quorum. An auditor keeps a copy."""
        return self.folder / "trust.txt"

    def client(self, name: str) -> Path:
        """The configuration of an actor of that name."""
        return self.folder / "clients" / f"{name}.toml"

    def home(self, department: str) -> Path:
        """A provider's folder."""
        return self.folder / "departments" / department

    def config(self, department: str) -> Path:
        """The configuration of the broker ("city") or of a connector."""
        if department == CITY:
            return self.folder / "broker" / "broker.toml"
        return self.home(department) / "connector.toml"

    def start(self, department: str, wrapper: Sequence[str] = ()) -> None:
        """Start the broker ("city") or a connector and wait until it serves; and until witnesses were heard.

        Args:
            department: which.
            wrapper: a program that is given the command's arguments and runs it; tests use it.

        Raises:
            SystemExit: it did not come up; its log is shown.
        """
        what = "broker" if department == CITY else "connector"
        program = [*wrapper] or [str(Path(sys.executable).with_name("exchange"))]
        with self._log(department).open("ab") as output:
            self.processes[department] = subprocess.Popen(
                [*program, what, "serve", str(self.config(department))],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._await(department)
        if CITY in self.processes and len(self.processes) > WITNESSES_NEEDED:
            self._await(CITY, WITNESSES)

    def start_all(self) -> None:
        """Start the broker, then the connectors at once."""
        self.start(CITY)
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.start, PROVIDERS))

    def stop(self, department: str, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop one process and wait for its end."""
        process = self.processes.pop(department)
        process.send_signal(how)
        process.wait(timeout=30)

    def stop_all(self) -> None:
        """Stop whatever still runs, connectors first."""
        for department in reversed(list(self.processes)):
            self.stop(department)

    def _await(self, department: str, service: str = "") -> None:
        """Wait until the process says that it serves this, "" for all of it."""
        kind = Kind.BROKER if department == CITY else Kind.CONNECTOR
        # a port system's certificate will do: health answers every actor of the city
        tls = tls_in(self.folder / "clients" / "ops")
        address = f"127.0.0.1:{self.ports[department]}"
        with channel(address, tls, department, kind, TRUST_DOMAIN) as opened:
            stub = health_pb2_grpc.HealthStub(opened)
            asked, deadline = health_pb2.HealthCheckRequest(service=service), time.monotonic() + START_S
            while time.monotonic() < deadline and self.processes[department].poll() is None:
                try:
                    answer = stub.Check(asked, timeout=1, wait_for_ready=True)
                except grpc.RpcError:
                    continue
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
                time.sleep(0.02)
        said = self._log(department).read_text(encoding="utf-8")
        raise SystemExit(f"{department} did not start; its log says:\n{said}")

    def _log(self, department: str) -> Path:
        return self.config(department).with_suffix(".log")


def found(folder: Path) -> Town:
    """Write a new city into an empty folder; nothing runs yet."""
    town = Town(folder, ports=dict(zip((CITY, *PROVIDERS), _free_ports(1 + len(PROVIDERS)), strict=True)))
    now_us = time.time_ns() // 1000
    authority = AuthorityStore.create(folder / "authority", TRUST_DOMAIN, now_us)
    for department in (*PROVIDERS, "emergency", "press", "research"):
        authority.add_department(department, now_us)
    shutil.copytree(POLICIES, folder / "policies")
    _enrol(authority, CITY, Kind.BROKER, "", folder / "broker" / "tls", now_us)
    _write(town.config(CITY), _broker_toml(town))
    log_key = make_log_key(folder / "broker" / "state", TRUST_DOMAIN)
    for department, source in PROVIDERS.items():
        _enrol(authority, department, Kind.CONNECTOR, "", town.home(department) / "tls", now_us)
        _write(town.config(department), _connector_toml(town, department, source, log_key))
    _write(town.trust, trust_policy(log_key, {name: town.config(name) for name in PROVIDERS}))
    for department, kind, name in ACTORS:
        _enrol(authority, department, kind, name, folder / "clients" / name, now_us)
        _write(town.client(name), _client_toml(town, name, log_key))
    _write_data(town)
    return town


@contextmanager
def running(folder: Path) -> Iterator[Town]:
    """A new city in the folder, running; stopped at the end."""
    town = found(folder)
    try:
        town.start_all()
        yield town
    finally:
        town.stop_all()


def tls_in(folder: Path) -> TlsSettings:
    """The certificates that `exchange pki issue` or `enrol` put into a folder."""
    return TlsSettings(
        identity_key=folder / "identity.key",
        identity_chain=folder / "identity.pem",
        roots=folder / "roots.pem",
    )


def _enrol(
    authority: AuthorityStore, department: str, kind: Kind, name: str, folder: Path, now_us: int
) -> None:
    hosts = ["127.0.0.1"] if kind in {Kind.BROKER, Kind.CONNECTOR} else []
    subject = Subject.parse(spiffe_id(TRUST_DOMAIN, department, kind, name), TRUST_DOMAIN)
    enrol(authority, subject, hosts, folder, now_us)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _tls(folder: str, *, listens: bool) -> str:
    lines = [
        "[tls]",
        f'identity_key = "{folder}/identity.key"',
        f'identity_chain = "{folder}/identity.pem"',
        f'roots = "{folder}/roots.pem"',
    ]
    if listens:
        lines += [f'listener_key = "{folder}/listener.key"', f'listener_chain = "{folder}/listener.pem"']
    return "\n".join(lines) + "\n"


def _broker_toml(town: Town) -> str:
    return f"""trust_domain = "{TRUST_DOMAIN}"
listen = "127.0.0.1:{town.ports[CITY]}"
state = "state"
audit = "audit"
policies = "../policies"

[witnesses]
policy = "../trust.txt"

[limits]
heartbeat_s = 1

{_tls("tls", listens=True)}"""


def _connector_toml(town: Town, department: str, source: str, log_key: str) -> str:
    return f"""department = "{department}"
trust_domain = "{TRUST_DOMAIN}"
listen = "127.0.0.1:{town.ports[department]}"
broker = "127.0.0.1:{town.ports[CITY]}"
state = "state"

{_tls("tls", listens=True)}
[witness]
log_key = "{log_key}"
every_s = 0.5

{source}"""


def _client_toml(town: Town, name: str, log_key: str) -> str:
    return f"""trust_domain = "{TRUST_DOMAIN}"
broker = "127.0.0.1:{town.ports[CITY]}"
state = "{name}/state"
log_key = "{log_key}"

{_tls(name, listens=False)}"""


def _write_data(town: Town) -> None:
    for department in PROVIDERS:
        (town.home(department) / "data").mkdir(parents=True, exist_ok=True)
    data.write_flights(town.home("port") / "data" / "flights.parquet")
    data.write_observations(town.home("weather") / "data" / "observations.db")
    data.write_aircraft(town.home("registry") / "data" / "aircraft.csv")
