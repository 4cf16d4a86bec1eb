"""T46: a file that takes another's place while it is read never gives values out under another column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.files import FilesSource, text
from exchange.errors import SourceFailed

PUBLIC = "name,secret\n" + "open,CANARY\n" * 10
SWAPPED = "secret,name\n" + "CANARY,open\n" * 10


def read(source: FilesSource) -> list[Any]:
    with source.scan("t.csv", ["name"], None, 1000) as batches:
        return [value for batch in batches for value in batch.column("name").to_pylist()]


@pytest.fixture
def source(tmp_path: Path) -> FilesSource:
    (tmp_path / "t.csv").write_text(PUBLIC)
    return FilesSource({"root": "."}, tmp_path)


def swap_after_the_header_check(monkeypatch: pytest.MonkeyPatch, swap: Callable[[], object]) -> None:
    relation = text._relation

    def swapped(*args: Any, **options: Any) -> Any:
        swap()
        return relation(*args, **options)

    monkeypatch.setattr(text, "_relation", swapped)


@pytest.mark.parametrize("rename", [True, False], ids=["renamed over", "written over"])
def test_t46_columns_swapped_after_the_check_leave_nothing(
    tmp_path: Path, source: FilesSource, monkeypatch: pytest.MonkeyPatch, *, rename: bool
) -> None:
    assert read(source) == ["open"] * 10
    (tmp_path / "new").write_text(SWAPPED)

    def swap() -> None:
        if rename:
            (tmp_path / "new").rename(tmp_path / "t.csv")
        else:
            (tmp_path / "t.csv").write_text(SWAPPED)

    swap_after_the_header_check(monkeypatch, swap)
    with pytest.raises(SourceFailed):
        read(source)


def test_t46_a_newer_file_of_the_same_columns_is_read(
    tmp_path: Path, source: FilesSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(source) == ["open"] * 10
    swap_after_the_header_check(monkeypatch, lambda: (tmp_path / "t.csv").write_text(PUBLIC + "new,x\n"))
    assert read(source) == ["open"] * 10 + ["new"]


def test_t46_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.csv").write_text(PUBLIC)
    (root / "t.csv").symlink_to(tmp_path / "outside.csv")
    with pytest.raises(SourceFailed):
        read(FilesSource({"root": "root"}, tmp_path))
