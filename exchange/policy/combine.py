"""Many demands into one set of obligations: columns meet, row filters join, the strictest mask acts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exchange.model.dataset import Column, Dataset, Family
from exchange.model.obligation import (
    STRICTNESS,
    ColumnRule,
    Mask,
    Nullify,
    Obligations,
    family_after,
    fits,
)
from exchange.model.predicate import both
from exchange.policy.effects import rescoped
from exchange.policy.files.baseline import BaselineRule
from exchange.policy.files.classification import Classified, ColumnClass
from exchange.policy.files.rules import Demand
from exchange.policy.fitting import misfit


@dataclass(frozen=True, slots=True)
class Impossible:
    """The demands cannot all be met: nothing may be delivered."""

    why: str
    rule: str


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom the obligations are for: the owner's own system or not, and the scope of its pseudonyms."""

    owner: bool
    scope: str


def combine(
    dataset: Dataset,
    classified: Classified,
    baseline: Sequence[BaselineRule],
    demands: Sequence[Demand],
    reader: Reader,
) -> Obligations | Impossible:
    """What must be fulfilled for this reader, every classified column considered, in the source's order.

    A column of the source that is not classified is not delivered (T45).
    """
    for demand in demands:
        if why := misfit(demand, dataset, classified):
            return Impossible(why, demand.id)
    spared = [_spared(demand) for demand in demands]
    rules = []
    for column in dataset.columns:
        kind = classified.facts.columns.get(column.name)
        if kind is None or not _delivered(column.name, kind, baseline, spared, owner=reader.owner):
            continue
        mask = strictest(_masks(column.name, kind, baseline, demands, owner=reader.owner))
        if mask is not None and not fits(mask, column.family):
            return Impossible(f"mask {mask.kind} cannot act on {column.name!r}", "baseline or department")
        rules.append(ColumnRule(name=column.name, mask=rescoped(mask, reader.scope)))
    if not rules:
        return Impossible("no column is left to deliver", "")
    limits = [demand.effects.row_limit for demand in demands if demand.effects.row_limit is not None]
    return Obligations(
        columns=tuple(rules),
        row_filter=both(*(demand.rows for demand in demands)),
        row_limit=min(limits, default=None),
        windows=tuple(dict.fromkeys(window for demand in demands for window in demand.effects.windows)),
    )


def _delivered(
    name: str,
    kind: ColumnClass,
    baseline: Iterable[BaselineRule],
    spared: Iterable[tuple[frozenset[str] | None, frozenset[str]]],
    *,
    owner: bool,
) -> bool:
    if any(rule.mask is None and rule.reaches(kind, owner=owner) for rule in baseline):
        return False
    return all(name not in withheld and (allowed is None or name in allowed) for allowed, withheld in spared)


def _spared(demand: Demand) -> tuple[frozenset[str] | None, frozenset[str]]:
    """The columns the demand allows (None for all) and withholds; as sets, however long the lists are."""
    columns = demand.effects.columns
    return (None if columns.allow is None else frozenset(columns.allow)), frozenset(columns.withhold)


def _masks(
    name: str, kind: ColumnClass, baseline: Iterable[BaselineRule], demands: Iterable[Demand], *, owner: bool
) -> list[Mask]:
    found = [rule.mask for rule in baseline if rule.mask is not None and rule.reaches(kind, owner=owner)]
    for demand in demands:
        if name in demand.effects.mask:
            found.append(demand.effects.mask[name])
        found.extend(demand.effects.mask_tag[tag] for tag in kind.tags if tag in demand.effects.mask_tag)
    return found


def strictest(masks: Sequence[Mask]) -> Mask | None:
    """The mask that hides most; where two of one kind differ neither contains the other, so all is hidden."""
    if not masks:
        return None
    first = min(masks, key=lambda mask: STRICTNESS.index(type(mask)))
    rivals = {mask for mask in masks if type(mask) is type(first)}
    return first if len(rivals) == 1 else Nullify()


def governed(rule: ColumnRule, dataset: Dataset) -> Column | None:
    """The column as its reader meets it: masks that write text make it a text column."""
    column = dataset.column(rule.name)
    if column is None:
        return None
    text = rule.mask is not None and family_after(rule.mask, column.family) is Family.TEXT
    return Column(name=column.name, type="string" if text else column.type, nullable=True)
