"""Several processes give the very verdict that one gives, on whole logs and on altered ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from audit_house import PUBLIC, judged
from kept_house import grown, rewritten, seals_of, shortened

from exchange.audit import verify as verifying
from exchange.audit.checking import parts, skim, workers
from exchange.audit.storage.layout import Layout
from exchange.audit.verdict import Verdict
from exchange.audit.verify import verify


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grown(tmp_path_factory.mktemp("genuine") / "log")


@pytest.fixture
def log(genuine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(genuine, tmp_path / "log"))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs as small as a test's are shared, too, in stretches of a batch or two."""
    monkeypatch.setattr(verifying, "WORTH_SHARING_BYTES", 0)
    monkeypatch.setattr(parts, "STRETCH_BYTES", 1000)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the workers were enough, each time they were asked."""
    answers: list[bool] = []
    genuine_read = workers.Crew.read

    def read(*arguments: object) -> object:
        found = genuine_read(*arguments)  # type: ignore[arg-type]
        answers.append(found is not None)
        return found

    monkeypatch.setattr(workers.Crew, "read", read)
    return answers


def shared(folder: Path) -> Verdict:
    return verify(folder, PUBLIC, jobs=2)


def test_a_whole_log(log: Path, asked: list[bool]) -> None:
    assert shared(log) == judged(log)
    assert asked == [True]


def test_a_shortened_log(log: Path, asked: list[bool]) -> None:
    shortened(log)
    assert shared(log) == judged(log)
    assert asked == [True]


def test_an_altered_log_is_read_again_in_order(log: Path, asked: list[bool]) -> None:
    def edit(batches: list[list[bytes]]) -> None:
        batches[0][1] = batches[0][1].replace(b'"allow"', b'"deny"')

    rewritten(Layout(log).segment(seals_of(log)[1].first), edit)
    verdict = shared(log)
    assert verdict == judged(log)
    assert not verdict.whole
    assert asked == [False]


def test_a_log_without_its_tree_is_read_in_order(log: Path, asked: list[bool]) -> None:
    shutil.rmtree(Layout(log).tree_folder)
    assert shared(log) == judged(log)
    assert asked == [False]


def test_hashes_forged_to_fit_a_forged_record_convince_no_worker(log: Path, asked: list[bool]) -> None:
    leaves = bytearray(Layout(log).leaves.read_bytes())
    leaves[64] ^= 1
    Layout(log).leaves.write_bytes(leaves)
    verdict = shared(log)
    assert verdict == judged(log)
    assert [finding.what for finding in verdict.findings] == ["leaves"]
    assert asked == [False]


def test_a_stretch_begins_where_the_one_before_ends(log: Path) -> None:
    part = parts.parts_of(log)[0]
    found = list(parts.divided(parts.whole(part, last=False)))
    assert len(found) > 1
    assert [one.end for one in found[:-1]] == [one.offset for one in found[1:]]
    assert (found[0].offset, found[-1].end) == (0, None)


def test_an_index_promised_from_nowhere_is_not_waited_for(log: Path, asked: list[bool]) -> None:
    """A forger makes `tree/0` a sparse file of many leaves, and a batch say that it begins far behind."""
    layout = Layout(log)
    os.truncate(layout.leaves, 1 << 40)
    segment = layout.segments()[1]
    head, mark, rest = segment.read_bytes().rpartition(b"#batch ")
    segment.write_bytes(head + mark + b"30000000000 " + rest.partition(b" ")[2])
    assert not shared(log).whole
    assert asked == [False]


def test_what_only_looks_like_certificates_is_not_gathered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skim, "CERTIFICATES_MAX", 2)
    path = tmp_path / "junk"
    path.write_bytes(b'\n{"certificate":"' * 3)
    with pytest.raises(ValueError, match="more certificates than"):
        skim.skim(path, sealed=True)
