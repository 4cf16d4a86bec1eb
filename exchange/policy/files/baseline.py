"""`baseline/obligations.toml`: what holds for every dataset of the city and no department can loosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field, field_validator

from exchange.model.base import Frozen
from exchange.model.obligation import Mask
from exchange.policy.effects import scoped
from exchange.policy.files.classification import ColumnClass
from exchange.policy.files.faults import FIRST, Faults, refused
from exchange.policy.files.toml_source import TomlSource
from exchange.policy.files.vocabulary import Vocabulary

BASELINE_FILE = "baseline/obligations.toml"


class _Reach(Frozen):
    id: str = Field(min_length=1, max_length=64, pattern=r"^[\w-]+$")
    note: str = ""
    tags: list[str] = Field(default_factory=list)
    from_level: str = ""
    spare_owner: bool = False


class _Mask(_Reach):
    mask: Mask

    @field_validator("mask", mode="before")
    @classmethod
    def _scope(cls, mask: Any) -> Any:
        return scoped(mask)


class _Withhold(_Reach):
    pass


class _File(Frozen):
    mask: list[_Mask] = Field(default_factory=list)
    withhold: list[_Withhold] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BaselineRule:
    """One rule of the city: the columns it reaches, and the mask on them; None withholds them.

    Attributes:
        id: `<file>#<id>`.
        tags: it reaches columns with any of these tags,
        levels: and columns of any of these levels.
        mask: what becomes of them.
        spare_owner: the dataset's own department is not affected.
    """

    id: str
    tags: frozenset[str]
    levels: frozenset[str]
    mask: Mask | None
    spare_owner: bool

    def reaches(self, column: ColumnClass, *, owner: bool) -> bool:
        """Whether the rule acts on such a column, read by the owner or by somebody else."""
        if owner and self.spare_owner:
            return False
        return column.level in self.levels or not self.tags.isdisjoint(column.tags)


def parse_baseline(content: bytes, words: Vocabulary, faults: Faults = FIRST) -> tuple[BaselineRule, ...]:
    """The city's rules.

    Raises:
        PolicyInvalid: malformed, a duplicate id, an undeclared tag or level, or a rule that reaches nothing.
    """
    source = TomlSource(BASELINE_FILE, content, faults)
    parsed = source.read(_File, source.content, (), faults)
    rules: dict[str, BaselineRule] = {}
    entries: list[tuple[tuple[str, int], _Mask | _Withhold]] = [
        *((("mask", index), mask) for index, mask in enumerate(parsed.mask)),
        *((("withhold", index), rule) for index, rule in enumerate(parsed.withhold)),
    ]
    for at, entry in entries:
        with faults.catching():
            rule = _rule(source, at, entry, words)
            if rule.id in rules:
                raise refused(source.place(at), f"id {entry.id!r} is taken", "choose another", entry.id)
            rules[rule.id] = rule
    return tuple(rules.values())


def _rule(
    source: TomlSource, at: tuple[str, int], entry: _Mask | _Withhold, words: Vocabulary
) -> BaselineRule:
    place = source.place(at)
    if not entry.tags and not entry.from_level:
        raise refused(place, "the rule reaches no column", "give it `tags` or `from_level`")
    for tag in entry.tags:
        words.check_tag(tag, place)
    levels: tuple[str, ...] = ()
    if entry.from_level:
        levels = words.levels[words.levels.index(words.check_level(entry.from_level, place)) :]
    mask = entry.mask if isinstance(entry, _Mask) else None
    return BaselineRule(
        f"{BASELINE_FILE}#{entry.id}", frozenset(entry.tags), frozenset(levels), mask, entry.spare_owner
    )
