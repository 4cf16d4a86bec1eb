"""A question to the log: one meaning, said twice, as SQL for the index and in Python for a record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from exchange.audit.index.schema import COLUMNS, JOINED
from exchange.model.base import Frozen

_HEX = frozenset({"id", "trace", "obligations", "schema_digest", "digest", "certificate", "bundle"})
_WORDS = tuple(name for name, sort in COLUMNS.items() if sort == "text" and name not in _HEX)
_COULD_BE_HEX = re.compile(r"[0-9a-f]{4,}")
_INT64_MAX = 2**63 - 1
_ID_DIGITS = 32
_EQUAL = ("dataset", "purpose", "kind", "decision", "outcome", "revision")

Row = Mapping[str, Any]
Condition = tuple[str, list[Any]]
"""SQL, and the values of its parameters."""


class Question(Frozen):
    """All that is given must fit; what is "" or None is not asked.

    Attributes:
        subject: part of the SPIFFE id of the subject or the speaker.
        department: code; of the record, or of the subject where the record names none.
        dataset, purpose, kind, decision, outcome, revision: as in the record.
        column, rule: a column; part of a rule's id.
        reason: the reason, or what the subject was told.
        id: access id, or its beginning.
        from_us, to_us: unix microseconds; from included, to excluded.
        text: stands in any text of the record, upper or lower case; ids and digests are looked at where the
            text could be part of one (four hex digits and more).
    """

    subject: str = ""
    department: str = ""
    dataset: str = ""
    column: str = ""
    purpose: str = ""
    kind: str = ""
    decision: str = ""
    outcome: str = ""
    reason: str = ""
    rule: str = ""
    revision: int | None = Field(default=None, ge=0, le=_INT64_MAX)
    id: str = ""
    from_us: int | None = None
    to_us: int | None = None
    text: str = ""

    def sql(self) -> list[Condition]:
        """What may stand after WHERE: a record fits the question if it fits one of them.

        They are apart because a condition on one column is decided once for each different value of a row
        group, but one on several columns for each row. Nothing of the question is in their text.
        """
        fixed = [*self._equal(), *self._parts(), *self._exact()]
        return [_all([*fixed, text]) for text in self._text_alternatives()] if self.text else [_all(fixed)]

    def _equal(self) -> Iterator[Condition]:
        for name in _EQUAL:
            if (value := getattr(self, name)) not in {"", None}:
                yield f'"{name}" = ?', [value]

    def _parts(self) -> Iterator[Condition]:
        if self.subject:
            yield "contains(subject, ?) OR contains(speaker, ?)", [self.subject, self.subject]
        if self.department:
            of_subject = "department IS NULL AND starts_with(subject, ?)"
            yield f"department = ? OR ({of_subject})", [self.department, _host(self.department)]
        if self.column:
            yield f"contains({JOINED['columns']}, ?)", [self.column]
            yield "list_contains(columns, ?)", [self.column]
        if self.rule:
            yield f"contains({JOINED['rules']}, ?)", [self.rule]
            yield "len(list_filter(rules, lambda rule: contains(rule, ?))) > 0", [self.rule]

    def _exact(self) -> Iterator[Condition]:
        if self.reason:
            yield "reason = ? OR public_reason = ?", [self.reason, self.reason]
        if self.id:
            yield ("id = ?" if len(self.id) >= _ID_DIGITS else "starts_with(id, ?)"), [self.id]
        if self.from_us is not None:
            yield "time >= make_timestamptz(?)", [self.from_us]
        if self.to_us is not None:
            yield "time < make_timestamptz(?)", [self.to_us]

    def _text_alternatives(self) -> Iterator[Condition]:
        text = folded(self.text)
        for name in self._texts():
            yield f'contains(lower("{name}"), ?)', [text]
        for name, joined in JOINED.items():
            some = f"len(list_filter({name}, lambda item: contains(lower(item), ?))) > 0"
            yield f"contains(lower({joined}), ?) AND {some}", [text, text]

    def _texts(self) -> tuple[str, ...]:
        """The text columns in which the text could stand."""
        if _COULD_BE_HEX.fullmatch(folded(self.text)):
            return tuple(name for name, sort in COLUMNS.items() if sort == "text")
        return _WORDS

    def matches(self, row: Row) -> bool:
        """Whether a record fits, as `schema.row_of` gives it."""
        return (
            all(getattr(self, name) in {"", None, row[name]} for name in _EQUAL)
            and (not self.subject or _in(self.subject, row["subject"]) or _in(self.subject, row["speaker"]))
            and (not self.department or self._of_department(row))
            and (not self.column or self.column in (row["columns"] or ()))
            and (not self.rule or any(self.rule in rule for rule in row["rules"] or ()))
            and (not self.reason or self.reason in {row["reason"], row["public_reason"]})
            and (not self.id or self._of_access(row))
            and (self.from_us is None or (row["time"] is not None and row["time"] >= self.from_us))
            and (self.to_us is None or (row["time"] is not None and row["time"] < self.to_us))
            and (not self.text or self._has_text(row))
        )

    def _of_access(self, row: Row) -> bool:
        found = row["id"] or ""
        return bool(found == self.id if len(self.id) >= _ID_DIGITS else found.startswith(self.id))

    def _of_department(self, row: Row) -> bool:
        if row["department"] is not None:
            return bool(row["department"] == self.department)
        return (row["subject"] or "").startswith(_host(self.department))

    def _has_text(self, row: Row) -> bool:
        text = folded(self.text)
        texts = [row[name] or "" for name in self._texts()]
        texts += [item for name in JOINED for item in row[name] or ()]
        return any(text in folded(item) for item in texts)


def folded(text: str) -> str:
    """Lower case, character by character, exactly as the engine's `lower` does (simple case mapping).

    `str.lower` alone would make two characters of one (İ), and look around a sigma.
    """
    if text.isascii():
        return text.lower()
    return "".join("i" if char == "İ" else char.lower() for char in text)


def _all(conditions: Sequence[Condition]) -> Condition:
    where = " AND ".join(f"({condition})" for condition, _ in conditions) or "true"
    return where, [value for _, values in conditions for value in values]


def _host(department: str) -> str:
    return f"spiffe://{department}."


def _in(part: str, whole: str | None) -> bool:
    return whole is not None and part in whole
