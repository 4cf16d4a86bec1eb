"""The small city with one thing changed, and what `exchange policy check` says of it."""

from __future__ import annotations

from pathlib import Path

from small_city import FILES, NOON, files

from exchange.model.dataset import Dataset
from exchange.policy.lint.check import check
from exchange.policy.lint.render import lines

GOLDEN = Path(__file__).parents[1] / "golden/policy_check"
RULES = "package exchange.departments.port\ndefault allow := false\n"


def changed(path: str, old: str, new: str) -> dict[str, str]:
    """One text replaced by another, once."""
    assert old in FILES[path], f"{path} holds no {old!r}"
    return {path: FILES[path].replace(old, new, 1)}


def added(path: str, text: str) -> dict[str, str]:
    """Text added at a file's end."""
    return {path: FILES.get(path, "") + text}


def told(changes: dict[str, str], schema: Dataset | None = None) -> str:
    """Everything the check tells people, findings separated by empty lines."""
    schemas = None if schema is None else {schema.id: schema}
    found = check(files(changes), NOON, schemas).findings
    return "\n\n".join("\n".join(lines(finding)) for finding in found)


def golden(family: str) -> dict[str, str]:
    """The texts that are expected, by name of their case."""
    text = (GOLDEN / f"{family}.txt").read_text(encoding="utf-8")
    cases = (case.partition("\n") for case in text.removeprefix("## ").split("\n## "))
    return {name: expected.strip("\n") for name, _, expected in cases}
