"""Decisions at 100 to 1,000,000 rules: this exchange, the plain pycasbin enforcer, and an OPA server.

    python bench/policy_scale.py [--rules 100 10000 100000 1000000] [--rounds 3] [--asks 5000] [--json FILE]

64 departments, 4,095 datasets. Every size loads in a process of its own, and all of them stay while they are
asked in turns, so that whatever else the machine does meets each size alike; the best round counts. `cpu` is
what the asking thread itself spent, whatever the machine did besides. A question is answered by both gates;
four of five are granted. `exchange` works each answer out; `again` may remember it, as a broker does where a
program asks the same again. The plain enforcer judges the same rules but is asked less often, being linear in
them; OPA gets the same rules as data, looked up by key, over HTTP. OPA is left out where it is not installed
(`python tests/support/outside_tools.py install opa`).
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests/support")]

import opa_scale  # noqa: E402
import policy_city  # noqa: E402
import unremembered  # noqa: E402

NOON = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
PLAIN_MAX = 100_000
PLAIN_ASKS = 10
Question = tuple[str, str, str, str]
"""Subject, department term, dataset, purpose."""


def questions(count: int, asks: int) -> Iterator[Question]:
    """Spread over all rules; every fifth asks for a purpose that no rule allows."""
    chosen = random.Random(7)  # noqa: S311 -- a spread, not a secret
    wanted = {chosen.randrange(count) for _ in range(asks)} if count > asks else set(range(count))
    rules = [rule for index, rule in enumerate(policy_city.rules(count)) if index in wanted]
    rules = [rule for rule in rules if rule.effect == "allow"]
    players = {role: d for d in range(policy_city.DEPARTMENTS) for role in policy_city.roles_of(d)}
    for number in range(asks):
        rule = chosen.choice(rules)
        kind, _, name = rule.subject.partition(":")
        code = policy_city.department(players[rule.subject]) if kind == "role" else name
        subject = rule.subject if kind == "spiffe" else f"spiffe://{code}.{policy_city.DOMAIN}/system/s0"
        department = subject.removeprefix("spiffe://").partition(".")[0]
        purpose = rule.purpose if number % 5 else policy_city.DENIED
        yield subject, f"department:{department}", rule.dataset, purpose


def timed(ask: Callable[[Question], bool], asked: list[Question]) -> dict[str, float]:
    """p50 and p99 in ms, on the clock and of this thread alone, and the share that was granted."""
    spent, cpu, granted = [], [], 0
    forget = getattr(ask, "forget", None)
    gc.collect()
    for question in asked:
        if forget is not None:
            forget()
        begun, own = time.perf_counter(), time.thread_time()
        granted += ask(question)
        cpu.append((time.thread_time() - own) * 1e3)
        spent.append((time.perf_counter() - begun) * 1e3)
    ordered, own_ordered = sorted(spent), sorted(cpu)
    return {
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[len(ordered) * 99 // 100],
        "cpu50": own_ordered[len(cpu) // 2],
        "cpu99": own_ordered[len(cpu) * 99 // 100],
        "granted": granted / len(asked),
    }


def both_gates(folder: Path) -> tuple[Callable[[Question], bool], Mapping[str, float]]:
    """The exchange's two gates, and what loading them cost."""
    from exchange.model.subject import Subject  # noqa: PLC0415 -- each process loads only what it measures
    from exchange.policy.bundle import load  # noqa: PLC0415
    from exchange.policy.engines.protocol import GrantQuestion  # noqa: PLC0415
    from exchange.policy.files.tree import read_tree  # noqa: PLC0415

    begun, own = time.perf_counter(), time.process_time()
    files = read_tree(folder)
    bundle = load(files, 1)
    cost = {"load": time.perf_counter() - begun, "load_cpu": time.process_time() - own, "mb": _megabytes()}
    changed = dict(files)
    changed["departments/d05/grants.csv"] += b"\n"
    begun = time.perf_counter()
    load(changed, 2, previous=bundle)
    cost["reload"] = time.perf_counter() - begun

    def ask(question: Question) -> bool:
        subject, department, dataset, purpose = question
        answer = bundle.grants.ask(GrantQuestion(subject, department, dataset, "read", purpose))
        classified = bundle.classified(dataset)
        if not answer.opened or classified is None:
            return False
        who = Subject.parse(subject, policy_city.DOMAIN)
        told = {
            "subject": {"id": who.id, "department": who.department, "kind": who.kind.value, "name": who.name},
            "dataset": classified.attributes,
            "purpose": purpose,
            "action": "read",
            "columns": [],
            "time": "2026-06-01T12:00:00.000000Z",
            "state": "normal",
        }
        return bundle.conditions.ask(dataset.partition(".")[0], told).opened

    ask.bundle = bundle  # type: ignore[attr-defined]
    return ask, cost


def anew(folder: Path) -> tuple[Callable[[Question], bool], Mapping[str, float]]:
    """The same, nothing remembered from one question to the next."""
    ask, cost = both_gates(folder)
    ask.forget = partial(unremembered.forget, ask.bundle)  # type: ignore[attr-defined]
    return ask, cost


def plain(folder: Path) -> tuple[Callable[[Question], bool], Mapping[str, float]]:
    """The plain enforcer on the same rules, grants only."""
    import casbin  # noqa: PLC0415

    from exchange.policy.files.model_conf import MODEL_TEXT  # noqa: PLC0415

    begun = time.perf_counter()
    enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=MODEL_TEXT))
    rules = enforcer.get_model().model["p"]["p"]
    for path in sorted(folder.glob("departments/*/grants.csv")):
        lines = path.read_text().splitlines()
        rules.policy.extend([field.strip() for field in line.split(",")][1:] for line in lines)
    links = (folder / "baseline/roles.csv").read_text().splitlines()
    enforcer.add_grouping_policies([[field.strip() for field in line.split(",")][1:] for line in links])
    cost = {"load": time.perf_counter() - begun, "mb": _megabytes()}

    def ask(question: Question) -> bool:
        subject, department, dataset, purpose = question
        return bool(enforcer.enforce(subject, department, dataset, "read", purpose))

    return ask, cost


def checked(folder: Path) -> Mapping[str, float]:
    """`exchange policy check`: seconds, megabytes, findings."""
    from exchange.policy.files.tree import read_tree  # noqa: PLC0415
    from exchange.policy.lint.check import check  # noqa: PLC0415

    begun, own = time.perf_counter(), time.process_time()
    report = check(read_tree(folder), NOON)
    return {
        "check": time.perf_counter() - begun,
        "check_cpu": time.process_time() - own,
        "check_mb": _megabytes(),
        "found": len(report.findings),
    }


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


_ENGINES = {"exchange": anew, "again": both_gates, "plain": plain, "opa": opa_scale.engine}


def serve(pipe: Connection, engine: str, folder: Path) -> None:
    """A process that loads one engine at one size, tells the cost, and then answers rounds of questions."""
    ask, cost = _ENGINES[engine](folder)
    pipe.send(cost)
    while asked := pipe.recv():
        pipe.send(timed(ask, asked))


def serve_check(pipe: Connection, folder: Path) -> None:
    """A process that checks and is gone."""
    pipe.send(checked(folder))


def start(target: Callable[..., None], *arguments: Any) -> tuple[Connection, Any]:
    """A fresh process and the pipe to it."""
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(theirs, *arguments))
    process.start()
    theirs.close()
    return mine, process


def measure(base: Path, sizes: list[int], rounds: int, asks: int) -> list[dict[str, Any]]:
    """A row for each engine and size."""
    rows: list[dict[str, Any]] = []
    running = []
    for count in sizes:
        folder = base / str(count)
        policy_city.write(folder, count)
        pipe, process = start(serve_check, folder)
        checks = pipe.recv()
        process.join()
        asked = list(questions(count, asks))
        for engine in _ENGINES:
            if (engine == "plain" and count > PLAIN_MAX) or (engine == "opa" and opa_scale.find() is None):
                continue
            pipe, process = start(serve, engine, folder)
            row = {
                "engine": engine,
                "rules": count,
                **pipe.recv(),
                **(checks if engine == "exchange" else {}),
            }
            few = asked[:PLAIN_ASKS] if engine == "plain" else asked
            pipe.send(few)
            pipe.recv()  # warm
            rows.append(row)
            running.append((row, pipe, process, few))
    for _ in range(rounds):
        for row, pipe, _, few in running:
            pipe.send(few)
            found = pipe.recv()
            row.update({key: min(value, row.get(key, value)) for key, value in found.items()})
    for _, pipe, process, _ in running:
        pipe.send(None)
        process.join()
    return rows


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The rows as Markdown."""
    yield f"| {' | '.join(['engine', 'rules', *(title for title, _ in _CELLS.values())])} |"
    yield f"|---|{'---:|' * (len(_CELLS) + 1)}"
    for row in sorted(rows, key=lambda row: (list(_ENGINES).index(row["engine"]), row["rules"])):
        cells = [f"{row[key]:.{digits}f}" if key in row else "" for key, (_, digits) in _CELLS.items()]
        yield f"| {row['engine']} | {row['rules']:,} | {' | '.join(cells)} |"


_CELLS = {
    "p50": ("p50 ms", 3),
    "p99": ("p99 ms", 3),
    "cpu99": ("p99 cpu ms", 3),
    "load": ("load s", 1),
    "load_cpu": ("cpu s", 1),
    "mb": ("MB", 0),
    "reload": ("one part again s", 2),
    "check": ("check s", 1),
    "check_cpu": ("cpu s", 1),
    "check_mb": ("MB", 0),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rules", type=int, nargs="+", default=[100, 10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--asks", type=int, default=5000)
    parser.add_argument("--json", type=Path, default=None)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        rows = measure(Path(text), args.rules, args.rounds, args.asks)
    for line in table(rows):
        print(line)
    if opa_scale.find() is None:
        print("opa: not installed here, left out")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
