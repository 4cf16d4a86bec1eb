"""From a rule's id to the line where it stands."""

from __future__ import annotations

import re

from exchange.policy.files.tree import PolicyTree


class Places:
    """Finds rules in the files that a bundle was made of."""

    def __init__(self, files: PolicyTree) -> None:
        self._files = files

    def of(self, rule: str) -> str:
        """`<file>:<line>` with the rule's own id behind it; the rule as it is where nothing is found."""
        file, hash_, id_ = rule.partition("#")
        if not hash_ or file not in self._files:
            return rule
        pattern = _pattern(file, id_)
        lines = self._files[file].decode("utf-8", "replace").split("\n")
        line = next((number for number, text in enumerate(lines, start=1) if pattern.search(text)), 0)
        return f"{file}:{line} ({id_})" if line else rule

    def line(self, file: str, number: int) -> str:
        """The text of a line, trimmed; "" if there is none."""
        lines = self._files.get(file, b"").decode("utf-8", "replace").split("\n")
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def _pattern(file: str, id_: str) -> re.Pattern[str]:
    """What the line looks like on which a rule of this id begins."""
    if file.endswith(".toml"):
        return re.compile(rf"""^\s*id\s*=\s*["']{re.escape(id_)}["']""")
    if id_ == "allow":
        return re.compile(r"^allow\b")
    return re.compile(rf'"{re.escape(id_.removeprefix("deny:"))}"')
