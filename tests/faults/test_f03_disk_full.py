"""F3 disk full: nothing is recorded, so nothing is answered; when space returns the log goes on by itself."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audit_house import NEVER_SIGN, FaultyDisk, decision, judged, lines_of, open_log

from exchange.audit.log import LogLimits
from exchange.audit.proofs.merkle import HASH_BYTES, leaf_hash
from exchange.audit.storage.layout import Layout
from exchange.errors import AuditUnavailable

MOUNT = ("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs")


def no_space(_: bytes) -> int:
    raise OSError(errno.ENOSPC, "no space left on device")


def half_fits(chosen: Callable[[bytes], bool]) -> Callable[[bytes], int | None]:
    """Of the first write that is chosen ten bytes fit; after them nothing does."""
    started = False

    def fault(data: bytes) -> int | None:
        nonlocal started
        if started:
            return no_space(data)
        started = chosen(data)
        return 10 if started else None

    return fault


def test_f03_a_batch_without_space_fails_and_the_next_one_succeeds(tmp_path: Path) -> None:
    disk = FaultyDisk()
    with open_log(tmp_path, disk=disk) as log:
        size = log.size
        disk.write_fault = no_space
        with pytest.raises(AuditUnavailable, match="nothing can be recorded") as refused:
            log.append(decision(1))
        assert "full" in refused.value.hint
        assert log.size == size
        disk.write_fault = None
        assert log.append(decision(2)) == size
    assert judged(tmp_path).whole


def test_f03_half_a_batch_leaves_no_trace(tmp_path: Path) -> None:
    disk = FaultyDisk()
    with open_log(tmp_path, disk=disk, limits=NEVER_SIGN) as log:
        disk.write_fault = half_fits(lambda data: data.startswith(b"#batch"))
        with pytest.raises(AuditUnavailable):
            log.append(decision(0xDEAD))
        disk.write_fault = None
        log.append(decision(2))
    assert f"{0xDEAD:032x}".encode() not in b"".join(lines_of(tmp_path))
    assert judged(tmp_path).whole


def test_f03_half_of_the_leaf_hashes_leaves_no_trace_and_they_are_made_up_for_later(tmp_path: Path) -> None:
    disk = FaultyDisk()
    with open_log(tmp_path, disk=disk) as log:
        seen = half_fits(lambda data: len(data) % HASH_BYTES == 0)
        disk.write_fault = lambda data: None if data.startswith(b"#") else seen(data)
        recorded = [log.append(decision(number)) for number in range(3)]
        assert recorded == [1, 2, 3]
        disk.write_fault = None
    hashes = b"".join(leaf_hash(line) for line in lines_of(tmp_path))
    assert Layout(tmp_path).leaves.read_bytes() == hashes
    verdict = judged(tmp_path)
    assert verdict.whole
    assert verdict.signed == verdict.records


def test_f03_a_commit_line_without_space_is_made_up_for_later(tmp_path: Path) -> None:
    disk = FaultyDisk()
    with open_log(tmp_path, disk=disk, limits=NEVER_SIGN) as log:
        disk.write_fault = lambda data: no_space(data) if data.startswith(b"#commit") else None
        first = log.append(decision(1))
        disk.write_fault = None
        assert log.append(decision(2)) == first + 1
        assert len(list(log.read())) == log.size
    assert judged(tmp_path).whole


def test_f03_a_checkpoint_without_space_is_signed_later(tmp_path: Path) -> None:
    disk = FaultyDisk()
    with open_log(tmp_path, disk=disk) as log:
        disk.replace_fault = lambda: no_space(b"") and None
        log.append(decision(1))
        disk.replace_fault = None
        log.append(decision(2))
    verdict = judged(tmp_path)
    assert verdict.whole
    assert verdict.signed == verdict.records


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run([*MOUNT, str(folder)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"as root: {' '.join(MOUNT)} FOLDER ({made.stderr.strip()})")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_f03_on_a_real_disk_of_one_megabyte(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (512 << 10))
    folder, recorded = small_disk / "log", []
    with open_log(folder) as log:
        with pytest.raises(AuditUnavailable):
            for number in range(10_000):
                recorded.extend(log.append_many([decision(number * 10 + each) for each in range(10)]))
        ballast.unlink()
        recorded.append(log.append(decision(1)))
    assert recorded == list(range(1, len(recorded) + 1))
    assert len(lines_of(folder)) == len(recorded) + 2
    assert judged(folder).whole


def test_f03_on_a_real_disk_that_fills_again_and_again_nothing_is_lost_and_all_is_sealed(
    small_disk: Path,
) -> None:
    ballast = [small_disk / f"ballast-{number}" for number in range(4)]
    for path in ballast:
        path.write_bytes(b"x" * (128 << 10))
    folder, recorded, refused = small_disk / "log", [], 0
    with open_log(folder, limits=LogLimits(checkpoint_every_s=0.0, segment_bytes_max=64 << 10)) as log:
        while ballast:
            try:
                recorded.extend(log.append_many([decision(len(recorded) + each) for each in range(20)]))
            except AuditUnavailable:
                refused += 1
                ballast.pop().unlink()
        recorded.append(log.append(decision(1)))
    assert refused == 4
    assert recorded == list(range(1, len(recorded) + 1))
    assert len(lines_of(folder)) == len(recorded) + 2
    layout = Layout(folder)
    assert len(layout.seals()) == len(layout.segments()) - 1 > 1
    verdict = judged(folder)
    assert verdict.whole
    assert verdict.signed == verdict.records


def test_f03_a_log_that_was_killed_on_a_full_disk_starts_again_once_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (900 << 10))
    folder, recorded = small_disk / "log", 0
    log = open_log(folder)
    with pytest.raises(AuditUnavailable):
        while True:
            recorded = log.append(decision(recorded))
    copy = small_disk.with_name("killed")
    shutil.copytree(folder, copy)
    ballast.unlink()
    log.close()
    with open_log(copy) as again:
        assert again.size > recorded
    assert judged(copy).whole
