"""`exchange audit prove` and `check-evidence`, as an auditor types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from audit_house import PUBLIC
from evidence_house import ACCESS, access_log, cosigned_by, trust_text
from typer.testing import CliRunner, Result

from exchange.cli.main import app

KEY = PUBLIC.text


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "trust").write_text(trust_text())
    return cosigned_by(access_log(tmp_path / "log"), "port", "weather")


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, words)], env={"COLUMNS": "200"})


def test_an_access_is_proven_and_checked(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "evidence.json"
    made = run("prove", ACCESS, log, "--trust", tmp_path / "trust", "--out", out)
    assert made.exit_code == 0, made.output
    assert "5 records, and 6 that they refer to" in made.stdout
    assert "cosigned by port, weather" in made.stdout
    checked = run("check-evidence", out, "--trust", tmp_path / "trust")
    assert checked.exit_code == 0
    assert "proven      5 records of zhongshui.example/audit, 5 signatures good" in checked.stdout
    assert "revision 3, published by spiffe://port.zhongshui.example/steward/wang" in checked.stdout
    assert "cosigned    by weather at 2026-11-22T12:00:00Z" in checked.stdout


def test_the_index_and_a_scan_find_the_same(log: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    assert run("prove", ACCESS, log, "--key", KEY, "--out", one, "--index", tmp_path / "index").exit_code == 0
    assert run("prove", ACCESS, log, "--key", KEY, "--out", two, "--scan").exit_code == 0
    assert one.read_bytes() == two.read_bytes()


def test_the_verifier_is_written_beside_and_needs_nothing(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "gift" / "evidence.json"
    made = run("prove", "45", log, "--key", KEY, "--scan", "--out", out, "--with-verifier", "--json")
    assert made.exit_code == 0, made.output
    facts = json.loads(made.stdout)
    assert (facts["asked"], facts["cosigned_by"]) == ([45], [])
    assert facts["written"] == [str(out), str(out.with_name("verify_evidence.py"))]
    command = [sys.executable, "-I", "-S", "verify_evidence.py", "evidence.json", "--key", KEY]
    done = subprocess.run(command, cwd=out.parent, env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, "proven    1 records" in done.stdout) == (0, True)


def test_each_record_can_be_proven_alone_for_stock_tools(log: Path, tmp_path: Path) -> None:
    out, proofs = tmp_path / "evidence.json", tmp_path / "proofs"
    made = run("prove", ACCESS, log, "--key", KEY, "--scan", "--out", out, "--tlog-proofs", proofs)
    assert made.exit_code == 0
    assert sorted(path.name for path in proofs.iterdir())[:2] == ["45.json", "45.tlog-proof"]
    assert (proofs / "45.tlog-proof").read_text().startswith("c2sp.org/tlog-proof@v1\nindex 45\n")
    assert json.loads((proofs / "45.json").read_text())["id"] == ACCESS


def test_altered_evidence_exits_1_and_says_which_record(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "evidence.json"
    run("prove", "45", log, "--key", KEY, "--scan", "--out", out)
    out.write_bytes(out.read_bytes().replace(b'allow\\"', b'deny\\"'))
    checked = run("check-evidence", out, "--key", KEY)
    assert (checked.exit_code, "record 45 is not in the log as shown" in checked.stdout) == (1, True)
    found = json.loads(run("check-evidence", out, "--key", KEY, "--json").stdout)
    assert (found["proven"], found["findings"][0]["index"]) == (False, 45)


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (("prove", "9999", "LOG", "--key", KEY, "--scan"), "record 9999 is not in the log", 2),
        (("prove", "f" * 32, "LOG", "--key", KEY, "--scan"), "no record of access ffff", 2),
        (("prove", "45", "LOG", "--scan"), "give either --key or --trust", 2),
        (
            ("prove", "45", "LOG", "--scan", "--key", KEY, "--trust", "TRUST"),
            "give either --key or --trust",
            2,
        ),
        (("prove", "45", "LOG", "--scan", "--trust", "WEAK"), "line 2: X is no witness or group above", 2),
        (("prove", "45", "LOG", "--scan", "--trust", "STRICT"), "does not fulfil the quorum", 1),
        (("prove", "45", "nowhere", "--scan", "--key", KEY), "record 45 is not in the log", 2),
        (("check-evidence", "missing", "--key", KEY), "missing cannot be read", 2),
    ],
)
def test_what_cannot_be_proven_says_why(
    log: Path, tmp_path: Path, words: tuple[str, ...], told: str, code: int
) -> None:
    (tmp_path / "weak").write_text(f"log {KEY}\nquorum X\n")
    (tmp_path / "strict").write_text(trust_text("group all3 1 two\nquorum all3").replace("two 2", "two 3"))
    named = {
        "LOG": log,
        "TRUST": tmp_path / "trust",
        "WEAK": tmp_path / "weak",
        "STRICT": tmp_path / "strict",
    }
    result = run(*(named.get(word, word) for word in words))
    assert result.exit_code == code, result.output
    assert told in result.stderr
