"""What was learnt from a file is forgotten the moment the file is not the same."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.files import unchanged
from connectors.files.unchanged import Unchanged
from exchange.errors import SourceFailed


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that has settled."""
    monkeypatch.setattr(unchanged, "SETTLED_S", 0.0)
    path = tmp_path / "a"
    path.write_text("one")
    return path


@pytest.fixture
def ask(file: Path) -> Callable[[], str]:
    known: Unchanged[str] = Unchanged()

    def ask() -> str:
        time.sleep(0.02)  # a tick of the file system's clock
        return known.get([file], lambda: f"{file.read_text()} {time.monotonic_ns()}")

    return ask


def test_it_is_asked_once_while_the_file_is_the_same(ask: Callable[[], str]) -> None:
    assert ask() == ask()


def _rewrite(file: Path) -> None:
    """As long as before, and its times set back."""
    before = file.stat()
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replace(file: Path) -> None:
    before = file.stat()
    file.with_name("b").write_text("two")
    os.utime(file.with_name("b"), ns=(before.st_atime_ns, before.st_mtime_ns))
    file.with_name("b").replace(file)


@pytest.mark.parametrize("change", [_rewrite, _replace])
def test_it_is_asked_again_however_the_change_is_hidden(
    file: Path, ask: Callable[[], str], change: Callable[[Path], None]
) -> None:
    assert ask().startswith("one")
    change(file)
    assert ask().startswith("two")


def test_a_file_that_changed_just_now_is_asked_every_time(
    ask: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unchanged, "SETTLED_S", 3600.0)
    assert ask() != ask()


def test_a_file_that_is_gone_is_a_failure_and_not_a_memory(file: Path, ask: Callable[[], str]) -> None:
    ask()
    file.unlink()
    with pytest.raises(SourceFailed, match="missing"):
        ask()


def test_what_is_remembered_is_bounded(file: Path) -> None:
    known: Unchanged[int] = Unchanged()
    time.sleep(0.02)
    for number in range(unchanged.KNOWN_MAX + 3):
        assert known.get([file] * (number + 1), lambda number=number: number) == number
    assert len(known._known) <= unchanged.KNOWN_MAX
