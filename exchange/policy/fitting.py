"""Whether what a rule demands can be done to the columns that a connector registered."""

from __future__ import annotations

from exchange.errors import PredicateInvalid
from exchange.model.dataset import Dataset
from exchange.model.obligation import Mask, fits
from exchange.model.predicate import check
from exchange.policy.files.classification import Classified
from exchange.policy.files.rules import Demand


def misfit(demand: Demand, dataset: Dataset, classified: Classified | None) -> str:
    """Why the demand cannot be met on this dataset; "" if it can.

    A demand that names a column nobody classified cannot be met either: it was meant for another column.
    """
    if classified is None:
        return f"{dataset.id} is not classified"
    unknown = demand.effects.named_columns() - classified.facts.columns.keys()
    if unknown:
        return f"{dataset.id} has no classified column {min(unknown)!r}"
    if demand.rows is not None:
        try:
            check(demand.rows, dataset.column)
        except PredicateInvalid as error:
            return f"rows: {error.public}"
    for name, mask in _masks(demand, classified):
        column = dataset.column(name)
        if column is not None and not fits(mask, column.family):
            return f"mask {mask.kind} cannot act on {name!r}, which is {column.type}"
    return ""


def _masks(demand: Demand, classified: Classified) -> list[tuple[str, Mask]]:
    by_tag = [
        (name, demand.effects.mask_tag[tag])
        for name, column in classified.facts.columns.items()
        for tag in column.tags
        if tag in demand.effects.mask_tag
    ]
    return [*demand.effects.mask.items(), *by_tag]
