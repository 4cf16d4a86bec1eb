"""T58 edit, delete, insert, reorder, truncate a record: the verifier names the index."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from audit_house import batches_of, filled, forged, judged, lines_of

from exchange.audit.storage.layout import Layout
from exchange.audit.storage.segment import encode_commit
from exchange.audit.verdict import Verdict

Change = Callable[[list[list[bytes]]], None]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Records 0 (opened), 1-3, 4-6, 7-9, 10-12, 13 (closed)."""
    filled(tmp_path / "log")
    return tmp_path / "log"


def edit(batches: list[list[bytes]]) -> None:
    batches[2][1] = batches[2][1].replace(b'"allow"', b'"deny"')


def delete(batches: list[list[bytes]]) -> None:
    del batches[2][1]


def insert(batches: list[list[bytes]]) -> None:
    batches[2].insert(1, batches[2][1].replace(b"emergency", b"press"))


def reorder(batches: list[list[bytes]]) -> None:
    batches[2][1], batches[3][0] = batches[3][0], batches[2][1]


def repeat(batches: list[list[bytes]]) -> None:
    batches[2].insert(1, batches[2][0])


def truncate(batches: list[list[bytes]]) -> None:
    batches[4:] = []
    batches[3][2:] = []


CASES = {
    "edited": (edit, 5),
    "deleted": (delete, 5),
    "inserted": (insert, 5),
    "reordered": (reorder, 5),
    "truncated": (truncate, 9),
}


def first_index(verdict: Verdict) -> tuple[int | None, int | None]:
    return verdict.findings[0].index, verdict.findings[0].last


def test_a_genuine_log_is_whole(log: Path) -> None:
    verdict = judged(log)
    assert verdict.whole, verdict.findings
    assert (verdict.records, verdict.signed, verdict.remarks) == (14, 14, ())


@pytest.mark.parametrize("digests", [False, True], ids=["careless", "digest-mended"])
@pytest.mark.parametrize("commits", [False, True], ids=["", "commits-mended"])
@pytest.mark.parametrize("what", CASES)
def test_t58_while_the_leaf_hashes_are_there_the_record_is_named_exactly(
    log: Path, what: str, *, digests: bool, commits: bool
) -> None:
    change, index = CASES[what]
    verdict = judged(forged(log, change, digests=digests, commits=commits))
    assert not verdict.whole
    assert [(found.what, found.index, found.last) for found in verdict.findings] == [(what, index, index)]


def test_t58_a_record_that_stands_there_twice_is_an_insertion(log: Path) -> None:
    (finding,) = judged(forged(log, repeat, digests=True)).findings
    assert (finding.what, finding.index) == ("inserted", 5)


@pytest.mark.parametrize("what", ["edited", "deleted", "inserted", "reordered"])
def test_t58_leaf_hashes_mended_too_then_the_commit_line_names_the_batch(log: Path, what: str) -> None:
    change, index = CASES[what]
    verdict = judged(forged(log, change, digests=True, leaves=True))
    first, last = first_index(verdict)
    assert not verdict.whole
    assert first is not None
    assert last is not None
    assert 4 <= first <= index <= last <= 7


@pytest.mark.parametrize("what", CASES)
def test_t58_everything_mended_but_the_signature_the_root_betrays_it(log: Path, what: str) -> None:
    verdict = judged(forged(log, CASES[what][0], digests=True, leaves=True, commits=True))
    assert not verdict.whole
    assert "checkpoint" in {found.what for found in verdict.findings}
    assert verdict.findings[0].index is not None


def test_t58_an_edit_with_everything_mended_is_narrowed_by_nothing_but_the_checkpoint(log: Path) -> None:
    verdict = judged(forged(log, edit, digests=True, leaves=True, commits=True))
    assert first_index(verdict) == (0, 13)


@pytest.mark.parametrize("at", range(14))
def test_t58_whichever_record_was_edited_is_the_one_named(log: Path, at: int) -> None:
    def change(batches: list[list[bytes]]) -> None:
        for lines in batches:
            for place, line in enumerate(lines):
                if b'"index":%d,' % at in line:
                    lines[place] = line.replace(b'"v":1', b'"v":2')

    (finding,) = judged(forged(log, change)).findings
    assert (finding.what, finding.index) == ("edited", at)


def test_t58_a_whole_batch_cut_out_is_named(log: Path) -> None:
    segment = Layout(log).segments()[0]
    text = segment.read_bytes()
    start, end = (text.index(b"#batch %d " % first) for first in (4, 7))
    segment.write_bytes(text[:start] + text[end:])
    (finding,) = judged(log).findings
    assert (finding.what, finding.index) == ("deleted", 4)
    assert finding.text == "record 4 and 2 behind it was deleted"


def test_t58_no_byte_of_the_records_can_change_unseen(log: Path) -> None:
    segment = Layout(log).segments()[0]
    text = segment.read_bytes()
    for at in range(0, len(text), 97):
        segment.write_bytes(text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :])
        assert not judged(log).whole, at


def test_t58_tail_and_checkpoint_cut_back_together_are_shown_by_an_earlier_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    filled(folder, batches=1)
    shutil.copytree(folder, tmp_path / "backup")
    filled(folder, batches=2)
    kept = Layout(folder).checkpoint.read_bytes()
    assert judged(tmp_path / "backup").whole
    verdict = judged(tmp_path / "backup", since=kept)
    assert [found.what for found in verdict.findings] == ["fork"]
    assert judged(folder, since=Layout(tmp_path / "backup").checkpoint.read_bytes()).whole


def test_t58_leaf_hashes_alone_altered_are_reported_though_every_record_is_proven(log: Path) -> None:
    leaves = bytearray(Layout(log).leaves.read_bytes())
    leaves[5 * 32] ^= 1
    Layout(log).leaves.write_bytes(leaves)
    (finding,) = judged(log).findings
    assert (finding.what, finding.index) == ("leaves", 5)


def test_t58_a_commit_line_alone_altered_is_reported(log: Path) -> None:
    segment = Layout(log).segments()[0]
    text = segment.read_bytes()
    at = text.index(b"#commit 7 ")
    segment.write_bytes(text[:at] + encode_commit(7, b"\x00" * 32) + text[at:].split(b"\n", 1)[1])
    assert first_index(judged(log)) == (4, 6)


def test_t58_a_copied_segment_file_verifies_with_a_checkpoint_beside(log: Path) -> None:
    segment, checkpoint = Layout(log).segments()[0], Layout(log).checkpoint.read_bytes()
    assert judged(segment, checkpoint=checkpoint).whole
    assert not judged(segment).whole
    assert len(lines_of(log)) == sum(map(len, batches_of(log))) == 14
