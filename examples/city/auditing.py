"""The auditor's acts: what the log says, that it is proven to anybody, and that nobody can rewrite it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import exchange
from examples.city import audit_office
from examples.city.acts import FLIGHTS, records, run
from examples.city.stage import Stage, StoryError
from examples.city.town import PROVIDERS, WITNESSES_NEEDED, Town

SETTLE_S = 10.0
HEAD = ["index", "who", "what", "purpose", "decision", "revision", "rows"]


def log(town: Town, stage: Stage) -> None:
    """Who read what, for which purpose, under which revision."""
    entries = _settled(town)
    decisions = [entry for entry in entries if entry["kind"] == "decision"]
    rows = {entry["id"]: entry["rows"] for entry in entries if entry["kind"] == "end"}
    stage.table("the log", HEAD, [_line(entry, rows.get(entry["id"])) for entry in decisions])
    refused = [entry for entry in decisions if entry["decision"] == "deny"]
    stage.check("every refusal is in it", holds=len(refused) >= 4)
    stage.check(
        "reads before and after the publication name their revisions",
        holds={int(entry["revision"]) for entry in decisions} == {1, 2},
    )


def copy(town: Town, stage: Stage) -> None:
    """A copy of the log, judged with nothing but the trust policy; and a search that leaves nothing out."""
    desk = _desk(town)
    _cosigned(town, len(records(town)))
    run(town, "audit", "fetch", "--config", str(town.client("wang")), "--out", str(desk / "copy"))
    verdict = _verdict(town, desk / "copy")
    stage.say(verdict.strip())
    witnesses = sum(name in verdict.partition(" cosigned by ")[2] for name in PROVIDERS)
    stage.check("it is whole, and a quorum of the departments vouches for it", holds=_quorum(witnesses))
    asked = ("--subject", "press", "--decision", "allow", "--index", str(desk / "index"))
    found = run(town, "audit", "search", str(desk / "copy"), *asked, "--trust", str(desk / "trust.txt"))
    stage.say(f"what did the press read? {found.strip()}")
    stage.check("nothing, and that is proven complete", holds="no record fits\nproven complete" in found)


def evidence(town: Town, stage: Stage) -> None:
    """One access in a file that proves itself, to somebody who has Python and two public files."""
    desk, elsewhere = _desk(town), town.folder / "elsewhere"
    victim = _delivery(town)
    file = str(elsewhere / "evidence.json")
    proving = ("--trust", str(desk / "trust.txt"), "--out", file, "--with-verifier", "--scan")
    elsewhere.mkdir()
    stage.say(run(town, "audit", "prove", victim["id"], str(desk / "copy"), *proving).strip())
    shutil.copy(town.trust, elsewhere)
    told = _alone(elsewhere, status=0)
    stage.say("on a machine without the exchange: python -I -S verify_evidence.py evidence.json --trust ...")
    stage.say("\n".join(line for line in told.splitlines() if "cosigned" in line or "proven" in line))
    stage.check("it is proven with Python's standard library alone", holds="proven    " in told)
    rows = f'\\"rows\\":{victim["rows"]}'
    text = Path(file).read_text(encoding="utf-8")
    Path(file).write_text(text.replace(rows, '\\"rows\\":1'), encoding="utf-8")
    stage.check("with one number changed it is not", holds="NOT PROVEN" in _alone(elsewhere, status=1))


def tampering(town: Town, stage: Stage) -> None:
    """Somebody with access to the files makes a delivery smaller than it was."""
    desk, victim = _desk(town), _delivery(town)
    forged = desk / "forged"
    shutil.copytree(desk / "copy", forged)
    _tamper(forged, victim)
    found = _verdict(town, forged, status=1)
    stage.say(f"someone writes into the log that access {victim['id'][:8]}… delivered 1 row:")
    stage.say(found.strip())
    stage.check("verification names the record", holds=f"#{victim['index']}: " in found)


def usage(town: Town, stage: Stage) -> None:
    """The port asks what became of its data."""
    told = run(town, "usage", "--config", str(town.client("ops")), "--dataset", FLIGHTS)
    stage.say(told.strip())
    stage.check(
        "the owner sees who used its data, and who was refused",
        holds=all(who in told for who in ("emergency/dispatch", "research/lab", "press/desk")),
    )


def dataset(town: Town, stage: Stage) -> None:
    """The log is a dataset of its own department, and whoever reads it is in it."""
    columns = ["index", "department", "dataset", "purpose", "reason"]
    with exchange.connect(town.client(audit_office.INSPECTOR)) as city:
        reading = city.read(audit_office.LOG, purpose="audit", columns=columns, where="decision = 'deny'")
        refused = reading.to_arrow()
    with exchange.connect(town.client("ops")) as port:
        own = port.read(audit_office.LOG, purpose="stewardship", columns=["dataset"]).to_arrow()
    shown = [list(row.values()) for row in refused.to_pylist()]
    stage.table("what was refused, and why really, as the Audit Office reads it", columns, shown[:4])
    stage.check("auditors see the whole truth", holds="no-grant" in refused["reason"].to_pylist())
    owners = {name.partition(".")[0] for name in own["dataset"].to_pylist()}
    stage.check("the port sees the rows on its own datasets, and no others", holds=owners == {"port"})
    readers = {entry["subject"] for entry in records(town) if entry["id"] == reading.id}
    stage.check("reading the log is in the log", holds=readers == {audit_office.INSPECTOR_ID})


def _desk(town: Town) -> Path:
    """The auditor's own folder, with the trust policy that came over a channel of trust."""
    desk = town.folder / "auditor"
    desk.mkdir(exist_ok=True)
    shutil.copy(town.trust, desk)
    return desk


def _verdict(town: Town, folder: Path, *, status: int = 0) -> str:
    trust = str(_desk(town) / "trust.txt")
    return run(town, "audit", "verify", str(folder), "--trust", trust, "--jobs", "1", status=status)


def _quorum(witnesses: int) -> bool:
    return witnesses >= WITNESSES_NEEDED


def _delivery(town: Town) -> dict[str, Any]:
    """The record of a delivery: what somebody may want to prove, or to change."""
    return next(entry for entry in records(town) if entry["kind"] == "end" and entry["rows"] > 1)


def _settled(town: Town) -> list[dict[str, Any]]:
    """The records, once the connectors have reported the end of every stream."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        entries = records(town)
        begun = {entry["id"] for entry in entries if entry["kind"] in {"start", "received"}}
        if begun <= {entry["id"] for entry in entries if entry["kind"] == "end"}:
            return entries
        if time.monotonic() > deadline:
            raise StoryError("a connector did not report the end of a stream")
        time.sleep(0.05)


def _cosigned(town: Town, size: int) -> None:
    """Wait until a quorum of witnesses has cosigned so many records."""
    deadline = time.monotonic() + SETTLE_S
    note = town.audit / "cosigned"
    while not note.exists() or int(note.read_text(encoding="utf-8").split("\n")[1]) < size:
        if time.monotonic() > deadline:
            raise StoryError("the witnesses did not cosign the log")
        time.sleep(0.05)


def _alone(folder: Path, *, status: int) -> str:
    """What the lone verifier says in a folder that holds itself, the evidence and the trust policy."""
    command = [sys.executable, "-I", "-S", "verify_evidence.py", "evidence.json", "--trust", "trust.txt"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode != status:
        raise StoryError(f"the lone verifier: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def _line(entry: dict[str, Any], rows: int | None) -> list[object]:
    decision = entry["decision"] if entry["decision"] == "allow" else f"deny: {entry['reason']}"
    who = entry["subject"].removeprefix("spiffe://")
    named = f"{who.partition('.')[0]} · {who.rpartition('/')[2]}"
    return [entry["index"], named, entry["dataset"], entry["purpose"], decision, entry["revision"], rows]


def _tamper(folder: Path, victim: dict[str, Any]) -> None:
    for path in (folder / "segments").iterdir():
        lines = path.read_bytes().split(b"\n")
        for number, line in enumerate(lines):
            if line.startswith(b"{") and json.loads(line).get("index") == victim["index"]:
                lines[number] = line.replace(f'"rows":{victim["rows"]}'.encode(), b'"rows":1')
                path.write_bytes(b"\n".join(lines))
                return
    raise StoryError("the record to tamper with was not found")
