"""The columns that will arrive: the allow-list in order, with the types that masks leave."""

from __future__ import annotations

import re
from functools import lru_cache

from exchange.model.dataset import Column, Dataset
from exchange.model.held import Held
from exchange.model.kept import Kept
from exchange.model.obligation import ColumnRule, Obligations, Pseudonym, Redact

KEPT_BYTES_MAX = 32 << 20
COLUMN_BYTES = 1024
_DICTIONARY = re.compile(r"dictionary<values=(.*), indices=\w+, ordered=\d>")
_PLAIN = {"string_view": "string", "binary_view": "binary"}


def governed_columns(obligations: Obligations, dataset: Dataset) -> tuple[Column, ...]:
    """What a connector will deliver for these obligations, as far as a registration tells.

    Everything is nullable, because masks may make it so; layouts are the plain ones.
    """
    held = Held(obligations, dataset)
    size = (len(obligations.columns) + len(dataset.columns)) * COLUMN_BYTES
    return _KEPT.get(held) or _KEPT.put(held, _columns(obligations, dataset), size)


_KEPT: Kept[Held[Obligations, Dataset], tuple[Column, ...]] = Kept(KEPT_BYTES_MAX)


def _columns(obligations: Obligations, dataset: Dataset) -> tuple[Column, ...]:
    by_name = {column.name: column for column in dataset.columns}
    delivered = (rule for rule in obligations.columns if rule.delivered and rule.name in by_name)
    return tuple(_governed(rule, by_name[rule.name]) for rule in delivered)


def _governed(rule: ColumnRule, column: Column) -> Column:
    masked = isinstance(rule.mask, Redact | Pseudonym)
    return Column(name=column.name, type="string" if masked else plain(column.type), nullable=True)


@lru_cache(maxsize=1024)
def plain(arrow_type: str) -> str:
    """The plain counterpart of a type given as text: dictionaries and views are delivered as their values."""
    match = _DICTIONARY.fullmatch(arrow_type)
    inner = match[1] if match else arrow_type
    return _PLAIN.get(inner, inner)
