"""T61: whatever lies in a log's folder, whoever reads it is told so: no hang, no crash, no memory eaten."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from audit_house import PUBLIC, judged
from evidence_house import ACCESS, CONNECTOR_SIGNER, access_log
from kept_house import grown, shortened
from typer.testing import CliRunner, Result

from exchange.audit.evidence.check import check_evidence
from exchange.audit.keeping.archive import archive, packed_segment
from exchange.audit.keeping.packed import pack
from exchange.audit.proofs.trust import TrustPolicy
from exchange.audit.records.deliveries import signer_key
from exchange.audit.records.recordcheck import RecordCheck
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.segment import encode_batch, scan
from exchange.cli.main import app
from exchange.model.canonical import canonical

KEY = PUBLIC.text
PERIOD = ("--from", "2026-11-01", "--to", "2027-01-31")
READERS: dict[str, tuple[str, ...]] = {
    "verify": ("--key", KEY),
    "list": (),
    "show": ("45",),
    "search": ("--kind", "decision"),
    "export": ("--out", "-"),
    "reconcile": (),
    "report": (*PERIOD, "--json"),
    "archive": ("--key", KEY, "--to", "{new}"),
    "retain": ("--key", KEY, "--older-than", "1d", "--dry-run"),
}
HANG_S = 60
EXCHANGE = str(Path(sys.executable).with_name("exchange"))
ENDLESS = Path("/dev/zero")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, words)], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return access_log(tmp_path_factory.mktemp("genuine") / "log")


@pytest.fixture
def log(genuine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(genuine, tmp_path / "log"))


def edited(log: Path, old: bytes, new: bytes) -> None:
    """A forger edits records and mends the batches' headers."""
    for path in Layout(log).segments():
        text = path.read_bytes()
        path.write_bytes(
            b"".join(
                encode_batch(batch.first, [line.replace(old, new) for line in batch.records])
                + text[batch.body_end : batch.end]
                for batch in scan(path)
            )
        )


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"time":"2026-11-', b'"time":"2026-19-'),
        (b'"revision":3', b'"revision":"x"'),
        (b'"rows":12', b'"rows":{}'),
        (b'"der":"30', b'"der":"31'),
    ],
)
def test_a_record_of_wrong_content_ends_no_command_with_a_fault(
    log: Path, tmp_path: Path, command: str, old: bytes, new: bytes
) -> None:
    edited(log, old, new)
    words = [word.replace("{new}", str(tmp_path / "new")) for word in READERS[command]]
    done = run(command, log, *words)
    assert done.exit_code in {0, 1, 2}, done.exception
    if command == "verify":
        assert done.exit_code == 1


@pytest.mark.parametrize("more", [(), ("--scan",)])
@pytest.mark.parametrize("new", [b'"revision":"x"', b'"revision":[]', b'"revision":null'])
def test_proving_an_edited_record_is_refused_for_that(log: Path, new: bytes, more: tuple[str, ...]) -> None:
    edited(log, b'"revision":3', new)
    done = run("prove", ACCESS, log, "--key", KEY, "--out", log / "evidence", *more)
    assert (done.exit_code, done.stderr.count("is not the one in the log's tree")) == (1, 1)


@pytest.mark.parametrize("kind", [[], {}, 1, None, "end"])
def test_a_statement_that_is_none_does_not_agree_with_its_record(kind: object) -> None:
    statement = canonical({"kind": kind, "ticket": "x", "connector": "y"}).decode()
    line = canonical(
        {"v": 1, "index": 0, "time": "2026-11-22T12:00:00.000000Z", "kind": "end", "statement": statement}
    )
    wrong = RecordCheck(signatures=True).check(0, line)
    assert [what for what, _ in wrong] == ["receipt"]


@pytest.mark.parametrize("version", [1, 3, 5, 255])
def test_a_certificate_of_an_unknown_version_signs_nothing(version: int) -> None:
    der = CONNECTOR_SIGNER.der.replace(bytes.fromhex("a003020102"), bytes((0xA0, 3, 2, 1, version)), 1)
    assert der != CONNECTOR_SIGNER.der
    assert signer_key(der.hex()) is None


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # which is what the library says of some
def test_evidence_with_any_byte_of_its_certificates_changed_is_judged(genuine: Path, tmp_path: Path) -> None:
    assert run("prove", ACCESS, genuine, "--key", KEY, "--out", tmp_path / "e").exit_code == 0
    whole = (tmp_path / "e").read_bytes()
    trust = TrustPolicy.of_key(PUBLIC)
    assert check_evidence(whole, trust).proven
    der = CONNECTOR_SIGNER.der.hex().encode()
    for at in range(0, 240, 2):
        for byte in (b"00", b"05", b"ff"):
            forged = der[:at] + byte + der[at + 2 :]
            assert forged == der or not check_evidence(whole.replace(der, forged), trust).proven


FILES = {
    "checkpoint": {1, 2},
    "cosigned": {0},  # not asked for
    "segments/00000000000000000000.log": {2},
    "segments/00000000000000000000.seal": {2},
    "tree/0": {0, 1},  # derived: without it records are judged by themselves
}


def endless(path: Path) -> None:
    path.symlink_to(ENDLESS)


@pytest.mark.parametrize("made", [os.mkfifo, endless])
@pytest.mark.parametrize("name", FILES)
def test_nobody_waits_for_a_pipe_or_reads_an_endless_file(
    log: Path, name: str, made: Callable[[Path], None]
) -> None:
    path = log / name
    path.unlink(missing_ok=True)
    made(path)
    # in a process of its own, which can be ended if it hangs
    ask = [EXCHANGE, "audit", "verify", str(log), "--key", KEY, "--json"]
    done = subprocess.run(ask, capture_output=True, timeout=HANG_S, check=False)
    assert done.returncode in FILES[name], done.stderr


def test_a_batch_of_empty_lines_takes_no_memory(log: Path) -> None:
    segment = Layout(log).segment(0)
    with segment.open("ab") as out:
        out.write(b"#batch 93 9000000 9000000 " + b"0" * 64 + b"\n" + b"\n" * 9_000_000)
    tracemalloc.start()
    assert [found.what for found in judged(log).findings] in ([], ["framing"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 128 << 20


def test_a_packed_segment_unpacks_to_not_much_more_than_was_sealed(tmp_path: Path) -> None:
    log = grown(tmp_path / "log")
    archive(log, tmp_path / "archive", PUBLIC)
    pack((b"\0" * (1 << 20) for _ in range(64)), packed_segment(tmp_path / "archive", 0))
    done = run("restore", tmp_path / "archive", "--to", tmp_path / "back")
    assert done.exit_code == 1
    assert "is no segment: it holds more than" in done.stderr
    assert sum(path.stat().st_size for path in (tmp_path / "back").rglob("*.log")) < 32 << 20


def test_what_retention_kept_can_be_no_larger_than_its_segment(tmp_path: Path) -> None:
    log = grown(tmp_path / "log")
    shortened(log)
    kept = Layout(log).kept(0)
    os.truncate(kept, 1 << 40)
    assert [found.what for found in judged(log).findings] == ["kept"]


def test_files_of_other_names_among_the_segments_are_told_or_passed_over(log: Path, tmp_path: Path) -> None:
    folder = Layout(log).segments_folder
    for name in ("0junk.log", "0junk.seal", "0junk.kept", "0junk.log.zst"):
        (folder / name).write_bytes(b"x")
    for command, words in READERS.items():
        done = run(command, log, *(word.replace("{new}", str(tmp_path / "new")) for word in words))
        assert done.exit_code == (1 if command == "verify" else 0), (command, done.output)
    for name in ("0junk.kept", "0junk.log.zst"):
        (Layout(tmp_path / "new").segments_folder / name).write_bytes(b"x")
    assert run("restore", tmp_path / "new", "--to", tmp_path / "back").exit_code == 0
    assert judged(tmp_path / "back").whole


def test_a_name_in_a_note_cannot_steer_the_terminal(log: Path) -> None:
    note = Layout(log).checkpoint
    note.write_bytes(note.read_bytes().replace("\u2014 z".encode(), "\u2014 \x9b2Jz".encode()))
    shown = run("verify", log, "--key", KEY)
    assert shown.exit_code == 1
    assert "\x9b" not in shown.stdout
    assert json.loads(run("verify", log, "--key", KEY, "--json").stdout)["whole"] is False
