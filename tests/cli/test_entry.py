"""Ctrl-C at any moment ends the program in words, also while it is still being imported."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from exchange.cli import console, entry

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from exchange.cli.entry import run
sys.argv = ["exchange", "--version"]
run()
"""


@pytest.mark.parametrize("name", ["exchange.cli.main", "typer", "exchange.cli.streams"])
def test_an_interrupted_import_ends_in_words(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "exchange: interrupted\n")


def test_the_program_begins_there_and_nothing_large_comes_before() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"] == {
        "exchange": "exchange.cli.entry:run"
    }
    loaded = (
        "import exchange.cli.entry, sys; print(*{'typer', 'pydantic', 'grpc', 'pyarrow'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True).strip() == ""
    assert entry.INTERRUPTED == console.INTERRUPTED
