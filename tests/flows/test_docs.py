"""What the documents show is what happens: their blocks run against a real city.

In a `console` block each line after `$` is run by a shell in an empty folder where `.demo` is the city. The
lines below it must appear in the output, in order; `…` stands for anything. `exit N` expects that status.
What a reader is told to have done before stands in a comment, `<!-- $ command -->`, and is done there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.city import audit_office
from examples.city.town import POLICIES, Town

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$|^<!-- \$ ([^\n]*) -->$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def _blocks(document: Path) -> list[tuple[str, str]]:
    found = _BLOCK.findall(document.read_text(encoding="utf-8"))
    return [("console", f"$ {hidden}") if hidden else (kind, text) for kind, text, hidden in found]


def _steps(block: str) -> Iterator[tuple[str, int, list[str]]]:
    """Commands with the status they end with and the lines they show."""
    for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = step.rstrip("\n").split("\n")
        while command.endswith("\\"):
            command = command[:-1] + shown.pop(0).strip()
        status = [int(line.removeprefix("exit ")) for line in shown if re.fullmatch(r"exit \d+", line)]
        yield command, (status or [0])[0], [line for line in shown if not re.fullmatch(r"exit \d+", line)]


def _shows(output: str, lines: list[str]) -> bool:
    pieces = [piece for line in lines for piece in re.split(r"\s*…\s*|\s{2,}", line) if piece.strip()]
    return re.search(".*?".join(map(re.escape, pieces)), output, re.DOTALL) is not None


@pytest.fixture
def desk(town: Town, tmp_path: Path) -> Path:
    """An empty folder with the city in it, as a reader of the document has it."""
    (tmp_path / ".demo").symlink_to(town.folder)
    for name in ("policies", "pristine"):
        shutil.copytree(POLICIES, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if _blocks(d)], ids=lambda d: d.name)
def test_the_document_shows_what_happens(document: Path, desk: Path, town: Town) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "COLUMNS": "220", "NO_COLOR": "1"}
    if "inspector.toml" in document.read_text(encoding="utf-8"):
        audit_office.join(town)  # as it has in the city that the demo keeps
    for kind, block in _blocks(document):
        if kind == "python":
            _run([sys.executable, "-W", "error", "-c", block], 0, desk, environment)
            continue
        for command, status, shown in _steps(block):
            output = _run(["bash", "-c", command], status, desk, environment)
            assert _shows(output, shown), f"{command}\nshows\n{output}\ninstead of\n{shown}"


def _run(command: list[str], status: int, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == status, f"{command[-1]}\n{output}"
    return output


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = _LINK.findall(document.read_text(encoding="utf-8"))
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing
