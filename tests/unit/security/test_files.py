from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from exchange.errors import ConfigError
from exchange.security import files


def test_replacing_is_all_or_nothing_while_it_can_still_fail(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"old")
    with pytest.raises(ConfigError, match="cannot be written"):
        files.replace({tmp_path / "key": (b"new", 0o600), tmp_path / "nowhere" / "pem": (b"new", 0o644)})
    assert (tmp_path / "key").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_replacing_sets_content_and_mode(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"old")
    files.replace({tmp_path / "key": (b"new", files.PRIVATE_MODE)})
    assert (tmp_path / "key").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_named_pipe_does_not_hold_the_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", 0o600)
    with pytest.raises(ConfigError, match="not a regular file"):
        files.read_private(tmp_path / "key")


def test_lines_are_appended_whole_and_privately(tmp_path: Path) -> None:
    for line in (b"one", "二".encode()):
        files.append_line(tmp_path / "log", line)
    assert (tmp_path / "log").read_bytes() == "one\n二\n".encode()
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_a_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    files.make_folder(tmp_path / "keys")
    files.make_folder(tmp_path / "keys")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        files.make_folder(tmp_path / "file" / "below")
