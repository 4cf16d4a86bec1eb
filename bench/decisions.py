"""Decisions over mutual TLS with the audit record on disk first, against the same broker recording nothing.

    python bench/decisions.py [--seconds 5] [--callers 16] [--folder DIR]

The broker runs in a process of its own, on the example city's policies; callers are threads here. Both kinds
of broker run twice, alternating, in one run. `granted` issues a ticket (one more durable write, to the
broker's database); `refused` is a denial, which is recorded just the same.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import grpc

from exchange.audit.records.record import Record
from exchange.broker.server import Broker
from exchange.broker.settings import BrokerSettings
from exchange.errors import AccessRefused
from exchange.model.dataset import Column, Dataset
from exchange.model.request import ReadRequest
from exchange.model.subject import CITY, Kind, Subject, spiffe_id
from exchange.security.credentials import TlsSettings
from exchange.security.pki.authority_store import AuthorityStore
from exchange.security.pki.enrolment import enrol
from exchange.security.tls import channel
from exchange.wire import asking, clients

DOMAIN = "zhongshui.example"
POLICIES = Path(__file__).parents[1] / "policies"
NUMBERS = "year month day dep_time sched_dep_time arr_time sched_arr_time flight distance hour minute"
FLIGHTS = Dataset(
    id="port.flights",
    title="flights",
    columns=(
        *(Column(name=name, type="int64") for name in NUMBERS.split()),
        *(Column(name=name, type="double") for name in ("dep_delay", "arr_delay", "air_time")),
        *(Column(name=name, type="string") for name in ("carrier", "tailnum", "origin", "dest")),
        Column(name="time_hour", type="timestamp[us]"),
    ),
)


class NoLog:
    """Records nothing: what the broker costs without its conscience."""

    def append_many(self, records: Sequence[Record]) -> list[int]:
        """As if they were recorded."""
        return [0] * len(records)

    def commitment(self, text: str) -> str:
        """As if it were committed to."""
        return "0" * 64 if text else ""


def broker_process(settings: BrokerSettings, pipe: Connection, *, bare: bool) -> None:
    """Serve until the other end of the pipe says so; sends the port first."""
    broker = Broker(settings)
    if bare:
        broker._parts.door._ledger._log = NoLog()  # noqa: SLF001
    pipe.send(broker.start())
    pipe.recv()
    broker.stop()


def tls(store: AuthorityStore, base: Path, department: str, kind: Kind, name: str = "") -> TlsSettings:
    """A process with fresh certificates."""
    folder = base / f"{department}-{kind}"
    if department not in store.departments():
        store.add_department(department, time.time_ns() // 1000)
    who = Subject.parse(spiffe_id(DOMAIN, department, kind, name), DOMAIN)
    enrol(store, who, [], folder, time.time_ns() // 1000)
    listener = kind is Kind.BROKER
    return TlsSettings(
        identity_key=folder / "identity.key",
        identity_chain=folder / "identity.pem",
        roots=folder / "roots.pem",
        listener_key=folder / "listener.key" if listener else None,
        listener_chain=folder / "listener.pem" if listener else None,
    )


def rate(ask: Callable[[], None], callers: int, seconds: float) -> tuple[float, float, float]:
    """Calls/s, p50 and p99 in ms."""
    begun = time.perf_counter()
    end, spent = begun + seconds, list[float]()

    def work() -> None:
        mine = []
        while (start := time.perf_counter()) < end:
            ask()
            mine.append(time.perf_counter() - start)
        spent.extend(mine)

    threads = [threading.Thread(target=work) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    spent.sort()
    return len(spent) / took, spent[len(spent) // 2] * 1e3, spent[len(spent) * 99 // 100] * 1e3


def questions(line: grpc.Channel) -> dict[str, Callable[[], None]]:
    """What is asked, by the answer it gets."""

    def ask(dataset: str) -> None:
        request = ReadRequest(
            dataset=dataset,
            purpose="emergency-response",
            columns=("origin", "dest", "tailnum"),
            where="dep_delay > 60",
            trace_id=uuid.uuid4().hex,
        )
        asking.request_access(line, request, timeout_s=30)

    def refused() -> None:
        try:
            ask("port.nothing")
        except AccessRefused:
            return
        raise AssertionError("granted what does not exist")

    return {"granted": lambda: ask("port.flights"), "refused": refused}


def measure(settings: BrokerSettings, people: dict[str, TlsSettings], args: argparse.Namespace) -> None:
    """Start one broker, ask it, print a line for each kind of answer."""
    bare = settings.state.name.startswith("bare")
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=broker_process, args=(settings, theirs), kwargs={"bare": bare})
    process.start()
    target = f"127.0.0.1:{mine.recv()}"
    with (
        channel(target, people["connector"], CITY, Kind.BROKER, DOMAIN) as port,
        channel(target, people["consumer"], CITY, Kind.BROKER, DOMAIN) as line,
    ):
        clients.register(port, "127.0.0.1:7501", (FLIGHTS,), timeout_s=30)
        for name, ask in questions(line).items():
            ask()
            # the connector counts as silent when it has not called for a while
            clients.register(port, "127.0.0.1:7501", (FLIGHTS,), timeout_s=30)
            calls, p50, p99 = rate(ask, args.callers, args.seconds)
            log = "no log" if bare else "durable"
            print(f"{name:10} {log:10} {calls:10,.0f} {p50:8.2f} {p99:8.2f}")
    mine.send("end")
    process.join()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--folder", type=Path, default=None)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as text:
        base = Path(text)
        store = AuthorityStore.create(base / "authority", DOMAIN, time.time_ns() // 1000)
        people = {
            "connector": tls(store, base, "port", Kind.CONNECTOR),
            "consumer": tls(store, base, "emergency", Kind.SYSTEM, "dispatch"),
        }
        own = tls(store, base, CITY, Kind.BROKER)
        print(f"{'answer':10} {'audit':10} {'calls/s':>10} {'p50 ms':>8} {'p99 ms':>8}")
        for name in ("bare-1", "durable-1", "bare-2", "durable-2"):
            settings = BrokerSettings(
                trust_domain=DOMAIN,
                listen="127.0.0.1:0",
                state=base / name,
                audit=base / f"{name}-audit",
                policies=POLICIES,
                tls=own,
            )
            measure(settings, people, args)


if __name__ == "__main__":
    main()
