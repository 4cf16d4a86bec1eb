"""F23 a second broker on the same log: refused, and the first one is not disturbed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from audit_house import decision, judged, open_log

from exchange.errors import ConfigError


def test_f23_in_the_same_process(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        with pytest.raises(ConfigError, match="another process is writing"):
            open_log(tmp_path)
        log.append(decision(1))
    assert judged(tmp_path).whole


def test_f23_in_another_process(tmp_path: Path) -> None:
    attempt = "import sys, pathlib, audit_house; audit_house.open_log(pathlib.Path(sys.argv[1]))"
    with open_log(tmp_path) as log:
        tried = subprocess.run(
            [sys.executable, "-c", attempt, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": str(Path(__file__).parents[1] / "support")},
        )
        assert tried.returncode != 0
        assert "another process is writing the audit log" in tried.stderr
        log.append(decision(1))
    open_log(tmp_path).close()


def test_f23_the_folder_is_free_again_once_the_first_has_closed_or_failed_to_open(tmp_path: Path) -> None:
    open_log(tmp_path).close()
    checkpoint = (tmp_path / "checkpoint").read_bytes()
    (tmp_path / "checkpoint").write_bytes(b"nonsense")
    for _ in range(2):
        with pytest.raises(Exception, match="not a signed note"):
            open_log(tmp_path)
    (tmp_path / "checkpoint").write_bytes(checkpoint)
    open_log(tmp_path).close()
