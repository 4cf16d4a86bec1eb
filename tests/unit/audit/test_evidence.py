"""Evidence: what it holds, what is refused, and two verifiers that share no code and agree."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from audit_house import NEVER_SIGN, PUBLIC, decision, forged, open_log
from evidence_house import (
    ACCESS,
    CONNECTOR,
    CONNECTOR_SIGNER,
    CONSUMER,
    CONSUMER_SIGNER,
    COUNTED,
    STEWARD,
    WITNESSES,
    access_log,
    cosigned_by,
    trust_text,
)

from exchange.audit.evidence import verify_evidence
from exchange.audit.evidence.build import prove
from exchange.audit.evidence.check import check_evidence
from exchange.audit.evidence.form import Evidence
from exchange.audit.evidence.places import places_in_log
from exchange.audit.proofs.cosignature import cosign
from exchange.audit.proofs.note import split_note
from exchange.audit.proofs.trust import TrustPolicy
from exchange.audit.records.deliveries import ReceivedRecord, delivery
from exchange.audit.storage.layout import Layout
from exchange.errors import ConfigError, LogCorrupt
from exchange.model.receipt import Outcome, Received

TRUST = TrustPolicy.parse(trust_text())
ALONE = TrustPolicy.of_key(PUBLIC)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cosigned_by(access_log(tmp_path_factory.mktemp("evidence") / "log"), "port", "weather")


@pytest.fixture(scope="module")
def evidence(log: Path) -> Evidence:
    places = places_in_log(log, ACCESS)
    return prove(log, places.access, TRUST, places)


def verdict_of_the_second(data: bytes, policy_text: str = trust_text()) -> str:
    """What the verifier without the exchange says: "" for proven."""
    policy = verify_evidence.Policy()
    policy.read(policy_text)
    try:
        verify_evidence.check(data, policy)
    except verify_evidence.Refused as error:
        return str(error)
    return ""


def kinds(evidence: Evidence) -> dict[int, str]:
    return {entry.index: json.loads(entry.record)["kind"] for entry in evidence.entries}


def test_it_holds_the_whole_access_and_what_it_is_judged_by(evidence: Evidence) -> None:
    found = kinds(evidence)
    assert [found[index] for index in evidence.asked] == [
        "decision",
        "start",
        "end",
        "received",
        "revocation",
    ]
    others = [kind for index, kind in found.items() if index not in evidence.asked]
    assert sorted(others) == ["certificate"] * 4 + ["publication"] * 2


def test_both_verifiers_find_it_proven(evidence: Evidence) -> None:
    proof = check_evidence(evidence.encode(), TRUST)
    assert (proof.proven, proof.findings, proof.remarks, proof.receipts) == (True, (), (), 5)
    assert [found.name for found in proof.cosigned_by] == ["port", "weather"]
    assert verdict_of_the_second(evidence.encode()) == ""


def test_one_record_can_be_proven_by_its_index(log: Path) -> None:
    found = prove(log, [7], ALONE, places_in_log(log, ""))
    assert set(kinds(found)) == {2, 1, 4, 7}, "its policy revision, whose signer, and the signer's authority"
    assert check_evidence(found.encode(), ALONE).proven


def test_the_same_question_gives_the_same_bytes(log: Path, evidence: Evidence) -> None:
    places = places_in_log(log, ACCESS)
    assert prove(log, places.access[::-1], TRUST, places).encode() == evidence.encode()
    assert Evidence.parse(evidence.encode()).encode() == evidence.encode()


def test_a_decision_without_its_publication_is_remarked(tmp_path: Path) -> None:
    with open_log(tmp_path / "log") as log:
        log.append(decision(revision=9))
    proof = check_evidence(
        prove(tmp_path / "log", [1], ALONE, places_in_log(tmp_path / "log", "")).encode(), ALONE
    )
    assert proof.proven
    assert proof.remarks == ("the publication of policy revision 9 is not in the evidence",)


def test_a_checkpoint_that_witnesses_did_not_cosign_proves_nothing_to_whoever_asks_for_them(
    tmp_path: Path,
) -> None:
    log = access_log(tmp_path / "log")
    places = places_in_log(log, ACCESS)
    with pytest.raises(LogCorrupt, match="quorum two"):
        prove(log, places.access, TRUST, places)
    alone = prove(log, places.access, ALONE, places).encode()
    assert "quorum" in check_evidence(alone, TRUST).findings[0].text
    assert "quorum" in verdict_of_the_second(alone)
    assert "quorum" in verdict_of_the_second(prove(cosigned_by(log, "port"), [1], ALONE, places).encode())


def test_a_record_behind_the_checkpoint_waits_for_the_next_one(tmp_path: Path) -> None:
    with open_log(tmp_path / "log", limits=NEVER_SIGN) as log:
        index = log.append(decision(1))
        with pytest.raises(ConfigError, match="not covered by a checkpoint yet"):
            prove(tmp_path / "log", [index], ALONE, places_in_log(tmp_path / "log", ""))
    assert prove(tmp_path / "log", [index], ALONE, places_in_log(tmp_path / "log", "")).asked == (index,)


def test_what_is_not_in_the_log_is_not_proven(log: Path) -> None:
    for asked in ([10_000], []):
        with pytest.raises(ConfigError):
            prove(log, asked, TRUST, places_in_log(log, ""))
    assert places_in_log(log, "f" * 32).access == []


@pytest.mark.parametrize(
    ("leaves", "told", "index"), [(False, "record 8", 8), (True, "the log's tree", None)]
)
def test_no_evidence_is_made_of_an_altered_log(
    log: Path, *, leaves: bool, told: str, index: int | None
) -> None:
    def edit(batches: list[list[bytes]]) -> None:
        batches[2][3] = batches[2][3].replace(b'"allow"', b'"deny"')

    copy = forged(log, edit, digests=True, leaves=leaves, commits=True)
    with pytest.raises(LogCorrupt, match=told) as refused:
        prove(copy, [8], ALONE, places_in_log(copy, ""))
    assert refused.value.index == index


def entry(text: str, index: int) -> Callable[[dict[str, Any]], None]:
    """Change the text in one record."""
    old, _, new = text.partition(">")

    def change(evidence: dict[str, Any]) -> None:
        found = next(one for one in evidence["entries"] if one["index"] == index)
        assert old in found["record"]
        found["record"] = found["record"].replace(old, new)

    return change


def checkpoint(text: str) -> Callable[[dict[str, Any]], None]:
    old, _, new = text.partition(">")

    def change(evidence: dict[str, Any]) -> None:
        assert old in evidence["checkpoint"]
        evidence["checkpoint"] = evidence["checkpoint"].replace(old, new)

    return change


def drop_proof_step(evidence: dict[str, Any]) -> None:
    evidence["entries"][3]["proof"].pop()


def swap_proofs(evidence: dict[str, Any]) -> None:
    one, two = evidence["entries"][2:4]
    one["proof"], two["proof"] = two["proof"], one["proof"]


def pretend_an_index(evidence: dict[str, Any]) -> None:
    evidence["entries"][-1]["index"] += 1
    evidence["asked"][-1] += 1


def drop_what_was_asked(evidence: dict[str, Any]) -> None:
    evidence["entries"] = [one for one in evidence["entries"] if one["index"] != evidence["asked"][0]]


def repeat_a_record(evidence: dict[str, Any]) -> None:
    evidence["entries"].append(evidence["entries"][-1])


def cosign_another_size(evidence: dict[str, Any]) -> None:
    """A forger shows a later tree, and a witness's word for another text."""
    text, _ = split_note(evidence["checkpoint"].encode())
    line = cosign(text.replace(b"\n93\n", b"\n94\n"), "registry.example/witness", WITNESSES["registry"], 9)
    evidence["checkpoint"] += line.decode()


def ask_for_nothing(evidence: dict[str, Any]) -> None:
    evidence["asked"] = []


def claim_a_later_form(evidence: dict[str, Any]) -> None:
    evidence["v"] = 2


def lone_surrogate(evidence: dict[str, Any]) -> None:
    evidence["entries"][0]["record"] += "\ud800"


@pytest.mark.parametrize(
    "change",
    [
        entry('"allow">"deny"', 45),
        entry('"rows":12>"rows":13', 88),
        entry('"revision":3>"revision":4', 4),
        entry('"der":"30>"der":"31', 46),
        checkpoint("\n93\n>\n94\n"),
        checkpoint("zhongshui.example/audit\n>other.example/audit\n"),
        checkpoint("— zhongshui>— other"),
        checkpoint("— port.example>— ports.example"),
        checkpoint("\n\n>\nmore\n\n"),
        drop_proof_step,
        swap_proofs,
        pretend_an_index,
        drop_what_was_asked,
        repeat_a_record,
        cosign_another_size,
        ask_for_nothing,
        claim_a_later_form,
        lone_surrogate,
    ],
)
def test_neither_verifier_believes_an_altered_file(
    evidence: Evidence, change: Callable[[dict[str, Any]], None]
) -> None:
    altered = json.loads(evidence.encode())
    change(altered)
    data = json.dumps(altered).encode()
    assert not check_evidence(data, TRUST).proven
    assert verdict_of_the_second(data)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b"null", b"[" * 100_000, b'{"v":1,"form":7}'])
def test_what_is_no_evidence_is_told_so(data: bytes) -> None:
    assert "not an evidence file" in check_evidence(data, TRUST).findings[0].text
    assert "not an evidence file" in verdict_of_the_second(data)


@pytest.mark.parametrize("names", [{CONNECTOR}, {STEWARD}])
def test_a_signature_without_its_certificate_is_not_counted(evidence: Evidence, names: set[str]) -> None:
    less = json.loads(evidence.encode())
    less["entries"] = [
        one
        for one in less["entries"]
        if json.loads(one["record"])["kind"] != "certificate"
        or json.loads(one["record"])["subject"] not in names
    ]
    proof = check_evidence(json.dumps(less).encode(), TRUST)
    assert proof.proven
    assert proof.receipts == 3
    assert any("certificate" in remark for remark in proof.remarks)


ALONE_COMMAND = (sys.executable, "-I", "-S", "verify_evidence.py")


def on_another_machine(
    folder: Path, evidence: bytes, option: str, given: str
) -> subprocess.CompletedProcess[str]:
    """Run the shipped verifier in a folder that holds nothing else, without site packages."""
    folder.mkdir(exist_ok=True)
    source = Path(verify_evidence.__file__).read_bytes()
    (folder / "verify_evidence.py").write_bytes(source)
    (folder / "evidence.json").write_bytes(evidence)
    command = [*ALONE_COMMAND, "evidence.json", option, given]
    return subprocess.run(
        command, cwd=folder, env={}, capture_output=True, encoding="utf-8", timeout=60, check=False
    )


def test_one_command_on_a_machine_without_the_exchange(tmp_path: Path, evidence: Evidence) -> None:
    (tmp_path / "trust").write_text(trust_text())
    done = on_another_machine(tmp_path / "empty", evidence.encode(), "--trust", str(tmp_path / "trust"))
    assert (done.returncode, done.stderr) == (0, "")
    for told in (
        "signed    by the log",
        "cosigned  by weather at 2026-11-22T12:00:00Z",
        'columns ["origin", "尾号"]',
        "purpose emergency-response",
        'rules ["departments/port/grants.csv:3"]',
        f"revision 3, published by {STEWARD}",
        f"signature signed by {CONNECTOR}",
        "rows 12; bytes 3400",
        "proven    5 records",
        "cannot prove that the log holds no further record",
    ):
        assert told in done.stdout


def test_the_lone_verifier_takes_the_key_as_text_and_says_no_with_exit_1(
    tmp_path: Path, evidence: Evidence
) -> None:
    done = on_another_machine(tmp_path, evidence.encode(), "--key", PUBLIC.text)
    assert done.returncode == 0
    done = on_another_machine(tmp_path, evidence.encode().replace(b"allow", b"deny"), "--key", PUBLIC.text)
    assert (done.returncode, done.stdout[:10]) == (1, "NOT PROVEN")
    done = on_another_machine(tmp_path, evidence.encode(), "--key", PUBLIC.text[:-4] + "AAA=")
    assert (done.returncode, done.stdout) == (2, "")
    assert "key" in done.stderr


def test_text_in_a_record_cannot_steer_the_terminal(log: Path) -> None:
    policy = verify_evidence.Policy()
    policy.read(trust_text())
    places = places_in_log(log, "")
    found = verify_evidence.check(prove(log, [4], TRUST, places).encode(), policy)
    lines = list(verify_evidence.report(found))
    assert any("message 减 \\u001b[31m" in line for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_the_log_is_not_written_to(log: Path, evidence: Evidence) -> None:
    assert sorted(path.name for path in log.iterdir()) == [
        "checkpoint",
        "cosigned",
        "lock",
        "segments",
        "tree",
    ]
    assert Layout(log).cosigned.read_bytes().decode() == evidence.checkpoint


SAID = Received(ticket=ACCESS, consumer=CONSUMER, outcome=Outcome.COMPLETE, at_us=3, **COUNTED)
SIGNED = delivery(CONSUMER_SIGNER.says(SAID))


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (SIGNED.model_copy(update={"signature": CONNECTOR_SIGNER.says(SAID).signature}), "does not fit"),
        (SIGNED.model_copy(update={"signature": "3006020101020101"}), "does not fit"),
        (SIGNED.model_copy(update={"signature": ""}), "does not fit"),
        (SIGNED.model_copy(update={"rows": 11}), "not what its signed statement says"),
        (SIGNED.model_copy(update={"statement": "[" * 16_000}), "record 3"),
        (SIGNED.model_copy(update={"statement": "{}"}), "record 3"),
        (delivery(CONNECTOR_SIGNER.says(SAID)), f"is signed by {CONNECTOR}, not by {CONSUMER}"),
    ],
)
def test_a_false_receipt_is_found_even_in_an_unaltered_log(
    tmp_path: Path, record: ReceivedRecord, told: str
) -> None:
    with open_log(tmp_path / "log") as log:
        log.append_many([CONNECTOR_SIGNER.certificate(), CONSUMER_SIGNER.certificate(), record])
    data = prove(tmp_path / "log", [3], ALONE, places_in_log(tmp_path / "log", "")).encode()
    proof = check_evidence(data, ALONE)
    assert not proof.proven
    assert told in " ".join(finding.text for finding in proof.findings)
    assert told in verdict_of_the_second(data, f"log {PUBLIC.text}\nquorum none\n")
