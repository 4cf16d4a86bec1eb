"""Does the request ask only for what its subject may see, and does its predicate mean something there?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from exchange.errors import PredicateInvalid
from exchange.model.dataset import NAME_CHARS_MAX, Column, Dataset
from exchange.model.held import Held
from exchange.model.kept import Kept, bytes_of
from exchange.model.obligation import ColumnRule, Obligations
from exchange.model.predicate import Predicate, check, columns_of, leaves
from exchange.model.predicate_sql import parse
from exchange.model.request import ReadRequest
from exchange.policy.combine import governed

_NAMED_MAX = 64
KEPT_BYTES_MAX = 32 << 20
COLUMN_BYTES = 512
PREDICATE_BYTES = 128
"""About what a column, and a character of a predicate, cost once they are understood."""


class Asked(NamedTuple):
    """The part of a request that is fitted."""

    columns: tuple[str, ...]
    where: str
    row_limit: int | None


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why the request cannot be answered as it stands; its subject knows the dataset, so it may read this."""

    reason: str
    message: str


Fitting = tuple[Obligations, Predicate | None] | Unfit


def fit(request: ReadRequest, dataset: Dataset, whole: Obligations) -> Fitting:
    """The obligations narrowed to what was asked for, and the consumer's predicate; or why it does not fit.

    A column that is hidden answers exactly like one that does not exist. Columns that only the predicate
    reads follow the requested ones, masked like these (T48), and are not delivered.
    """
    asked = Asked(request.columns, request.where, request.row_limit)
    question = asked, Held(dataset, whole)
    return _KEPT.get(question) or _KEPT.put(question, _fit(asked, dataset, whole), _bytes(asked, whole))


_KEPT: Kept[tuple[Asked, Held[Dataset, Obligations]], Fitting] = Kept(KEPT_BYTES_MAX)
"""Most programs ask the same again."""


def _bytes(asked: Asked, whole: Obligations) -> int:
    """About what is held, were it only for this; a stranger chooses how long the names are."""
    return bytes_of(asked.columns) + len(asked.where) * PREDICATE_BYTES + len(whole.columns) * COLUMN_BYTES


def _fit(request: Asked, dataset: Dataset, whole: Obligations) -> Fitting:
    visible = {rule.name: rule for rule in whole.columns}
    for name in request.columns:
        if name not in visible:
            return Unfit("column-unknown", f"unknown column {_cut(name)!r}; {_offer(visible)}")
    if len(set(request.columns)) != len(request.columns):
        return Unfit("column-unknown", "a column is asked for twice; name each once")
    try:
        where = _where(request.where, visible, dataset)
    except PredicateInvalid as error:
        return Unfit("predicate-invalid", error.public)
    wanted = request.columns or tuple(visible)
    mentioned = columns_of(where)
    read = (name for name in visible if name in mentioned and name not in wanted)
    only_read = (visible[name].model_copy(update={"delivered": False}) for name in read)
    limits = [limit for limit in (whole.row_limit, request.row_limit) if limit is not None]
    narrowed = whole.model_copy(
        update={
            "columns": (*(visible[name] for name in wanted), *only_read),
            "row_limit": min(limits, default=None),
        }
    )
    return narrowed, where


def _where(text: str, visible: dict[str, ColumnRule], dataset: Dataset) -> Predicate | None:
    if not text.strip():
        return None
    where = parse(text)
    for leaf in leaves(where):
        if leaf.column not in visible:
            raise PredicateInvalid(
                f"unknown column {_cut(leaf.column)!r} in the predicate; {_offer(visible)}"
            )

    def column(name: str) -> Column | None:
        return governed(visible[name], dataset) if name in visible else None

    check(where, column)
    return where


def _offer(visible: dict[str, ColumnRule]) -> str:
    names = list(visible)
    more = f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else ""
    return f"you may read {', '.join(names[:_NAMED_MAX])}{more}"


def _cut(name: str) -> str:
    return name if len(name) <= NAME_CHARS_MAX else name[:NAME_CHARS_MAX] + "…"
