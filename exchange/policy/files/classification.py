"""`datasets.toml`: a department's classification of what it shares; the rest is not delivered (T45)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from exchange.model.base import Frozen
from exchange.model.canonical import JsonValue
from exchange.model.dataset import check_column_names
from exchange.policy.files.faults import FIRST, Faults, Place, Refusal, refused
from exchange.policy.files.grants import own
from exchange.policy.files.toml_source import TomlSource
from exchange.policy.files.vocabulary import Vocabulary

TAGS_PER_COLUMN_MAX = 16
_TABLE = re.compile(r'^\s*\[dataset\."([^"\n]+)"\]', re.MULTILINE)


class Sharing(StrEnum):
    """The sharing type of a dataset."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NONE = "none"


class Grade(StrEnum):
    """The grade of a dataset."""

    CORE = "core"
    IMPORTANT = "important"
    GENERAL = "general"


class ColumnClass(Frozen):
    """A column's protection level and tags."""

    level: str
    tags: list[str] = Field(default_factory=list, max_length=TAGS_PER_COLUMN_MAX)


def _sharing(value: Any) -> Any:
    return _word(Sharing, value)


def _grade(value: Any) -> Any:
    return _word(Grade, value)


def _word(words: type[StrEnum], value: Any) -> Any:
    if value not in set(words):
        raise ValueError(f"{value!r} is none of {', '.join(words)}")
    return words(value)


class DatasetClass(Frozen):
    """One dataset as its steward describes it.

    Attributes:
        title: for people.
        resource_code: in the city's directory of data resources; "" if it has none.
        sharing: the sharing type.
        condition: under which a conditional dataset is shared.
        legal_basis: on which a dataset is not shared.
        grade: its grade.
        update_cycle: how often it is renewed, in words.
        columns: the classified columns, in the steward's order.
    """

    title: str = Field(min_length=1, max_length=200)
    resource_code: str = Field(default="", max_length=100)
    sharing: Annotated[Sharing, BeforeValidator(_sharing)]
    condition: str = Field(default="", max_length=2000)
    legal_basis: str = Field(default="", max_length=2000)
    grade: Annotated[Grade, BeforeValidator(_grade)]
    update_cycle: str = Field(min_length=1, max_length=100)
    columns: dict[str, ColumnClass] = Field(min_length=1)

    @model_validator(mode="after")
    def _said_why(self) -> DatasetClass:
        if self.sharing is Sharing.CONDITIONAL and not self.condition:
            raise ValueError("a conditional dataset states its `condition`")
        if self.sharing is Sharing.NONE and not self.legal_basis:
            raise ValueError("a dataset that is not shared states its `legal_basis`")
        check_column_names(tuple(self.columns))
        return self


class _File(Frozen):
    dataset: dict[str, DatasetClass] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Classified:
    """A dataset's classification, its place, and its attributes as the conditions gate is told them."""

    id: str
    facts: DatasetClass
    place: Place
    attributes: dict[str, JsonValue]


def parse_datasets(
    file: str, content: bytes, *, department: str, words: Vocabulary, faults: Faults = FIRST
) -> dict[str, Classified]:
    """A department's classified datasets, by id.

    Raises:
        PolicyInvalid: malformed, another department's dataset, an undeclared level or tag.
    """
    source = TomlSource(file, content, faults)
    found = {}
    for id_, facts in source.salvage(_File, faults).dataset.items():
        with faults.catching():
            found[id_] = _classified(source, id_, facts, department, words, faults)
    return found


def mentioned(content: bytes) -> frozenset[str]:
    """The ids of all datasets that the file seems to have a table for, sound or not."""
    return frozenset(_TABLE.findall(content.decode("utf-8", "replace")))


def _classified(
    source: TomlSource, id_: str, facts: DatasetClass, department: str, words: Vocabulary, faults: Faults
) -> Classified:
    place = source.place(("dataset", id_))
    own(id_, department, place)
    for name, column in facts.columns.items():
        at = source.place(("dataset", id_, "columns", name))
        try:
            _check_column(name, column, at, words)
        except Refusal as error:
            faults.add(error)
    return Classified(id_, facts, place, _attributes(id_, facts))


def _check_column(name: str, column: ColumnClass, at: Place, words: Vocabulary) -> None:
    words.check_level(column.level, at)
    for tag in column.tags:
        words.check_tag(tag, at)
    if len(set(column.tags)) != len(column.tags):
        raise refused(at, f"column {name!r} carries one tag twice", "name each once", name)


def _attributes(id_: str, facts: DatasetClass) -> dict[str, JsonValue]:
    columns: list[JsonValue] = [
        {"name": name, "level": column.level, "tags": list(column.tags)}
        for name, column in facts.columns.items()
    ]
    tags: list[JsonValue] = [*sorted({tag for column in facts.columns.values() for tag in column.tags})]
    return {
        "id": id_,
        "department": id_.partition(".")[0],
        "sharing": facts.sharing.value,
        "grade": facts.grade.value,
        "tags": tags,
        "columns": columns,
    }
