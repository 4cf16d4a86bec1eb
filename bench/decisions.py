"""Decisions over mutual TLS, the audit record durable before the answer; beside it what stands in the way.

    python bench/decisions.py [--rules 100000] [--callers 8] [--seconds 4] [--ghz PATH] [--folder DIR]

A city of 64 departments and 4,095 datasets. The broker runs in a process of its own; a second one records
nothing, and a third answers with bytes instead of deciding: what gRPC, TLS and the caller cost by themselves.
They take turns, twice, in one run. Then callers that ask 16 questions in one call: `p50` and `p99` are those
of a whole call. The caller is one system that asks in turn for everything it is granted: a
Python program in a process of its own, or ghz (github.com/bojand/ghz), which takes less of the processors.
`granted` issues a ticket; `refused` is a denial, which is recorded just the same.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import policy_city

from exchange.audit.records.record import Record
from exchange.broker.server import Broker
from exchange.broker.settings import BrokerSettings, Limits
from exchange.errors import AccessRefused, ExchangeError
from exchange.model.clock import SystemClock
from exchange.model.dataset import Column, Dataset
from exchange.model.request import ReadRequest
from exchange.model.subject import CITY, Kind, Subject, server_name, spiffe_id
from exchange.security.credentials import TlsSettings
from exchange.security.pki.authority_store import AuthorityStore
from exchange.security.pki.enrolment import enrol
from exchange.security.tls import channel, server_credentials, server_options
from exchange.wire import asking, clients

DOMAIN = policy_city.DOMAIN
ASKER = policy_city.department(7), "s0"
QUESTIONS_MAX = 400
BATCH = 16
COLUMNS = tuple(Column(name=name, type=kind) for name, kind in policy_city.COLUMNS.items())
PROTOS = Path(__file__).parents[1] / "protos"


class Question(NamedTuple):
    """What is asked."""

    dataset: str
    purpose: str

    def request(self) -> ReadRequest:
        """As a request of its own."""
        return ReadRequest(
            dataset=self.dataset,
            purpose=self.purpose,
            columns=("id", "value", "at"),
            where="value > 60",
            trace_id=uuid.uuid4().hex,
        )


class Rate(NamedTuple):
    """Answers/s, and p50 and p99 of one in ms."""

    calls: float
    p50: float
    p99: float


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


def echo_process(settings: BrokerSettings, pipe: Connection, *, bare: bool) -> None:  # noqa: ARG001
    """The same server without a broker: every question is answered with the same thousand bytes."""
    answer = b"\x0a\x20" + b"0" * 32 + b"\x12\xc4\x07" + b"t" * 964
    handler = grpc.unary_unary_rpc_method_handler(lambda _message, _context: answer)
    server = grpc.server(
        futures.ThreadPoolExecutor(settings.limits.workers),
        handlers=[
            grpc.method_handlers_generic_handler("exchange.v1.AccessService", {"RequestAccess": handler})
        ],
        options=server_options(settings.limits.message_bytes_max),
    )
    port = server.add_secure_port(settings.listen, server_credentials(settings.tls, SystemClock()))
    server.start()
    pipe.send(port)
    pipe.recv()
    server.stop(0)


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


def python_caller(port: int, who: TlsSettings, asked: list[Question], work: tuple[int, float]) -> Rate:
    """Ask from threads of a process of its own."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_call, args=(theirs, port, who, asked, work))
    process.start()
    found: Rate = mine.recv()
    process.join()
    return found


def _call(
    pipe: Connection,
    port: int,
    who: TlsSettings,
    asked: Sequence[Question | tuple[Question, ...]],
    work: tuple[int, float],
) -> None:
    callers, seconds = work
    with channel(f"127.0.0.1:{port}", who, CITY, Kind.BROKER, DOMAIN) as line:
        for question in asked[:8]:
            _answer(line, question)
        begun = time.perf_counter()
        end, spent = begun + seconds, list[float]()

        def ask(number: int) -> None:
            turn = number
            while (start := time.perf_counter()) < end:
                _answer(line, asked[turn % len(asked)])
                turn += callers
                spent.append(time.perf_counter() - start)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - begun
    spent.sort()
    pipe.send(Rate(len(spent) / took, spent[len(spent) // 2] * 1e3, spent[int(len(spent) * 0.99)] * 1e3))


def in_batches(port: int, who: TlsSettings, asked: list[Question], work: tuple[int, float]) -> Rate:
    """As `python_caller`, `BATCH` questions in each call; answers/s, and the times of a call."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    batches = [
        tuple(asked[(start + place) % len(asked)] for place in range(BATCH)) for start in range(len(asked))
    ]
    process = context.Process(target=_call, args=(theirs, port, who, batches, work))
    process.start()
    found: Rate = mine.recv()
    process.join()
    return found._replace(calls=found.calls * BATCH)


def _answer(line: grpc.Channel, question: Question | tuple[Question, ...]) -> bool:
    if not isinstance(question, Question):
        requests = [one.request() for one in question]
        answers = asking.request_access_many(line, requests, timeout_s=30)
        return not any(isinstance(answer, ExchangeError) for answer in answers)
    try:
        asking.request_access(line, question.request(), timeout_s=30)
    except AccessRefused:
        return False
    return True


def ghz_caller(program: Path) -> Callable[..., Rate]:
    """A caller in Go, which leaves more of the processors to the broker."""

    def call(port: int, who: TlsSettings, asked: list[Question], work: tuple[int, float]) -> Rate:
        callers, seconds = work
        data = [
            {
                "dataset": question.dataset,
                "purpose": question.purpose,
                "columns": ["id", "value", "at"],
                "where": "value > 60",
            }
            for question in asked
        ]
        words = {
            "--proto": PROTOS / "exchange/v1/access.proto",
            "-i": PROTOS,
            "--call": "exchange.v1.AccessService.RequestAccess",
            "--cacert": who.roots,
            "--cert": who.identity_chain,
            "--key": who.identity_key,
            "--cname": server_name(DOMAIN, CITY, Kind.BROKER),
            "-c": callers,
            "-z": f"{seconds}s",
            "-d": json.dumps(data),
            "-O": "json",
        }
        line = [str(program), *(str(word) for pair in words.items() for word in pair), f"127.0.0.1:{port}"]
        done = subprocess.run(line, check=True, capture_output=True)
        told = json.loads(done.stdout)
        # its own percentiles leave refusals out
        spent = sorted(entry["latency"] / 1e6 for entry in told["details"])
        return Rate(told["rps"], spent[len(spent) // 2], spent[int(len(spent) * 0.99)])

    return call


@contextmanager
def serving(
    target: Callable[..., None],
    settings: BrokerSettings,
    connectors: list[TlsSettings],
    *,
    bare: bool = False,
) -> Iterator[int]:
    """The process, on its port, with every connector registered."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=target, args=(settings, theirs), kwargs={"bare": bare})
    process.start()
    port: int = mine.recv()
    if target is broker_process:
        for number, who in enumerate(connectors):
            _register(port, who, policy_city.department(number))
    try:
        yield port
    finally:
        mine.send("end")
        process.join()


def _register(port: int, who: TlsSettings, department: str) -> None:
    ids = [id_ for id_ in map(policy_city.dataset, range(policy_city.DATASETS)) if id_.startswith(department)]
    datasets = tuple(Dataset(id=id_, title=id_, columns=COLUMNS) for id_ in ids)
    with channel(f"127.0.0.1:{port}", who, CITY, Kind.BROKER, DOMAIN) as line:
        clients.register(line, "127.0.0.1:7501", datasets, timeout_s=30)


def granted(port: int, who: TlsSettings, rules: int) -> list[Question]:
    """What the asker is granted, found out by asking for all that a line speaks of."""
    department, name = ASKER
    own = {
        f"department:{department}",
        spiffe_id(DOMAIN, department, Kind.SYSTEM, name),
        *policy_city.roles_of(int(department[1:])),
    }
    lines = {
        Question(rule.dataset, rule.purpose): None
        for rule in policy_city.rules(rules)
        if rule.subject in own and rule.effect == "allow"
    }
    with channel(f"127.0.0.1:{port}", who, CITY, Kind.BROKER, DOMAIN) as line:
        return [question for question in list(lines)[:QUESTIONS_MAX] if _answer(line, question)]


def main() -> None:
    """Measure and print."""
    args = _arguments()
    caller = ghz_caller(args.ghz) if args.ghz else python_caller
    with tempfile.TemporaryDirectory(dir=args.folder) as text:
        base = Path(text)
        policy_city.write(base / "policies", args.rules)
        store = AuthorityStore.create(base / "authority", DOMAIN, time.time_ns() // 1000)
        numbers = range(policy_city.DEPARTMENTS)
        connectors = [tls(store, base, policy_city.department(n), Kind.CONNECTOR) for n in numbers]
        asker = tls(store, base, ASKER[0], Kind.SYSTEM, ASKER[1])
        own = tls(store, base, CITY, Kind.BROKER)
        refused = [Question(policy_city.dataset(number), "purpose-none") for number in range(64)]
        asked: list[Question] = []
        print(f"{args.rules:,} rules, {args.callers} callers, {'ghz' if args.ghz else 'python'}")
        print(f"{'answer':10} {'audit':10} {'calls/s':>10} {'p50 ms':>8} {'p99 ms':>8}", flush=True)
        for name in ("durable-1", "bare-1", "echo-1", "durable-2", "bare-2", "echo-2"):
            kind = name.partition("-")[0]
            settings = BrokerSettings(
                trust_domain=DOMAIN,
                listen="127.0.0.1:0",
                state=base / name,
                audit=base / f"{name}-audit",
                policies=base / "policies",
                tls=own,
                limits=Limits(heartbeat_s=60),
            )
            target = echo_process if kind == "echo" else broker_process
            with serving(target, settings, connectors, bare=kind == "bare") as port:
                asked = asked or granted(port, asker, args.rules)
                ways = {"granted": (caller, asked), "refused": (caller, refused)}
                ways["16 at once"] = in_batches, asked
                if kind == "echo":
                    ways = {"nothing": (caller, asked)}
                for shown, (way, questions) in ways.items():
                    callers = max(1, args.callers // 4) if way is in_batches else args.callers
                    way(port, asker, questions, (callers, 1))
                    found = way(port, asker, questions, (callers, args.seconds))
                    print(
                        f"{shown:10} {kind:10} {found.calls:10,.0f} {found.p50:8.2f} {found.p99:8.2f}",
                        flush=True,
                    )


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rules", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--ghz", type=Path, default=None)
    parser.add_argument("--folder", type=Path, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    main()
