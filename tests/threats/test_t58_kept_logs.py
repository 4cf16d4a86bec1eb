"""T58 in a log that was sealed, archived, or shortened by retention: the verifier still names the index."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from audit_house import KEY, PUBLIC, decision, judged, lines_of
from kept_house import grown, rewritten, seals_of, shortened

from exchange.audit.keeping.archive import archive, packed_segment
from exchange.audit.keeping.packed import pack, unpacked
from exchange.audit.keeping.restore import restore
from exchange.audit.proofs.checkpoint import open_checkpoint, sign_checkpoint
from exchange.audit.records.retention import Retained
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.seal import sign_seal
from exchange.audit.storage.segment import encode_batch
from exchange.audit.verdict import Verdict

Change = Callable[[list[list[bytes]]], None]
AT = 1
"""The second record of a segment's first batch is what a forger changes."""


def edit(batches: list[list[bytes]]) -> None:
    batches[0][AT] = batches[0][AT].replace(b'"allow"', b'"deny"')


def delete(batches: list[list[bytes]]) -> None:
    del batches[0][AT]


def insert(batches: list[list[bytes]]) -> None:
    batches[0].insert(AT, batches[0][AT].replace(b"emergency", b"press"))


def reorder(batches: list[list[bytes]]) -> None:
    batches[0][AT], batches[0][AT + 1] = batches[0][AT + 1], batches[0][AT]


CASES: dict[str, Change] = {"edited": edit, "deleted": delete, "inserted": insert, "reordered": reorder}


def found(verdict: Verdict) -> set[tuple[str, int | None]]:
    return {(finding.what, finding.index) for finding in verdict.findings}


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grown(tmp_path_factory.mktemp("genuine") / "log")


@pytest.fixture
def sealed(genuine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(genuine, tmp_path / "log"))


@pytest.fixture
def pruned(sealed: Path) -> Path:
    shortened(sealed)
    return sealed


def test_a_sealed_log_is_whole(sealed: Path) -> None:
    verdict = judged(sealed)
    assert (verdict.whole, verdict.sealed, verdict.removed) == (True, len(seals_of(sealed)), 0)


@pytest.mark.parametrize("what", CASES)
def test_t58_in_a_sealed_segment_the_record_is_named(sealed: Path, what: str) -> None:
    seal = seals_of(sealed)[1]
    rewritten(Layout(sealed).segment(seal.first), CASES[what])
    assert (what, seal.first + AT) in found(judged(sealed))


def test_t58_a_sealed_log_cut_off_is_named(sealed: Path) -> None:
    last = Layout(sealed).segments()[-1]
    first = int(last.stem)
    last.unlink()
    assert ("truncated", first) in found(judged(sealed))


def test_t58_framing_altered_in_a_sealed_segment_fits_its_seal_no_more(sealed: Path) -> None:
    seal = seals_of(sealed)[0]
    path = Layout(sealed).segment(seal.first)
    path.write_bytes(path.read_bytes().rpartition(b"#commit")[0])
    assert not judged(sealed).whole
    assert ("seal", seal.first) in found(judged(sealed))


@pytest.mark.parametrize("what", CASES)
def test_t58_in_an_archive_the_record_is_named(sealed: Path, tmp_path: Path, what: str) -> None:
    archive(sealed, tmp_path / "archive", PUBLIC)
    seal = seals_of(sealed)[1]
    packed, plain = packed_segment(tmp_path / "archive", seal.first), tmp_path / "plain"
    plain.write_bytes(b"".join(unpacked(packed)))
    rewritten(plain, CASES[what])
    pack([plain.read_bytes()], packed)
    restore(tmp_path / "archive", tmp_path / "back")
    assert (what, seal.first + AT) in found(judged(tmp_path / "back"))


def test_t58_a_segment_missing_from_an_archive_is_named(sealed: Path, tmp_path: Path) -> None:
    archive(sealed, tmp_path / "archive", PUBLIC)
    seal = seals_of(sealed)[1]
    packed_segment(tmp_path / "archive", seal.first).unlink()
    restore(tmp_path / "archive", tmp_path / "back")
    assert ("deleted", seal.first) in found(judged(tmp_path / "back"))


def test_a_shortened_log_is_whole_and_says_what_is_gone(pruned: Path) -> None:
    verdict = judged(pruned)
    gone = seals_of(pruned)[0].size
    assert (verdict.findings, verdict.removed) == ((), gone)
    assert f"{gone} records removed under retention, their hashes are kept" == verdict.remarks[0].text


@pytest.mark.parametrize("what", CASES)
def test_t58_in_a_shortened_log_the_record_is_named(pruned: Path, what: str) -> None:
    seal = seals_of(pruned)[1]
    rewritten(Layout(pruned).segment(seal.first), CASES[what])
    assert (what, seal.first + AT) in found(judged(pruned))


def test_t58_a_shortened_log_cut_off_is_named(pruned: Path) -> None:
    first = int(Layout(pruned).segments()[-1].stem)
    Layout(pruned).segments()[-1].unlink()
    assert ("truncated", first) in found(judged(pruned))


def test_t58_records_removed_that_the_log_says_nothing_of_were_deleted(sealed: Path) -> None:
    Layout(sealed).segment(0).unlink()
    Layout(sealed).kept(0).write_bytes(b"")
    assert ("deleted", 0) in found(judged(sealed))


def test_t58_a_removal_announced_beyond_the_checkpoint_could_be_anybodys(sealed: Path) -> None:
    layout, seal = Layout(sealed), seals_of(sealed)[0]
    layout.segment(0).unlink()
    layout.kept(0).write_bytes(b"")
    size = len(lines_of(sealed)) + seal.size
    said = Retained(first=0, size=seal.size, kept=hashlib.sha256(b"").hexdigest())
    line = said.record("").encode().line(size, b"2028-01-01T00:00:00.000000Z")
    with layout.segments()[-1].open("ab") as out:
        out.write(encode_batch(size, [line]))
    assert ("deleted", 0) in found(judged(sealed))


def test_t58_a_record_kept_and_then_edited_is_named(pruned: Path) -> None:
    kept = Layout(pruned).kept(0)
    kept.write_bytes(kept.read_bytes().replace(b'"opened"', b'"closed"'))
    assert ("kept", 0) in found(judged(pruned))


def test_t58_a_record_slipped_among_those_kept_is_named(pruned: Path) -> None:
    kept = Layout(pruned).kept(0)
    line = decision(7).encode().line(1, b"2026-11-22T12:00:00.000000Z")
    kept.write_bytes(kept.read_bytes() + line + b"\n")
    assert ("kept", 1) in found(judged(pruned))


@pytest.mark.parametrize("left", [b"", None], ids=["emptied", "removed"])
def test_t58_what_was_kept_cannot_vanish(pruned: Path, left: bytes | None) -> None:
    kept = Layout(pruned).kept(0)
    kept.unlink() if left is None else kept.write_bytes(left)
    assert ("kept", 0) in found(judged(pruned))


def test_t58_a_hash_kept_for_a_removed_record_and_altered_is_seen(pruned: Path) -> None:
    leaves = bytearray(Layout(pruned).leaves.read_bytes())
    leaves[32] ^= 1
    Layout(pruned).leaves.write_bytes(leaves)
    assert ("seal", 0) in found(judged(pruned))


def test_t58_hashes_kept_for_removed_records_and_cut_off_are_seen(pruned: Path) -> None:
    Layout(pruned).leaves.write_bytes(b"")
    assert ("leaves", 0) in found(judged(pruned))


@pytest.mark.parametrize("number", [0, 1], ids=["of-a-removed-segment", "of-a-present-one"])
def test_t58_a_forged_seal_is_named(pruned: Path, number: int) -> None:
    seal = seals_of(pruned)[number]
    path = Layout(pruned).seal(seal.first)
    path.write_bytes(path.read_bytes().replace(b"\n%d\n" % seal.length, b"\n%d\n" % (seal.length + 1)))
    assert ("seal", seal.first) in found(judged(pruned))


def test_t58_a_seal_of_another_root_signed_by_the_log_itself_is_named(sealed: Path) -> None:
    seal = seals_of(sealed)[1].model_copy(update={"root": b"\x00" * 32})
    Layout(sealed).seal(seal.first).write_bytes(sign_seal(seal, KEY))
    assert ("seal", seal.first) in found(judged(sealed))


def test_t58_a_seal_put_beside_another_segment_is_named(sealed: Path) -> None:
    first, second = seals_of(sealed)[:2]
    shutil.copy(Layout(sealed).seal(first.first), Layout(sealed).seal(second.first))
    assert ("seal", second.first) in found(judged(sealed))


def test_t59_a_shortened_log_signed_anew_is_a_fork_of_what_was_kept_earlier(pruned: Path) -> None:
    kept = Layout(pruned).checkpoint.read_bytes()
    forged = open_checkpoint(kept, PUBLIC).model_copy(update={"root": b"\x01" * 32})
    verdict = judged(pruned, since=sign_checkpoint(forged, KEY))
    assert ("fork", None) in found(verdict)
