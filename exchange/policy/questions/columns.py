"""Column by column: what its reader gets, which rules made it so, and what it would be without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exchange.model.dataset import Dataset
from exchange.model.obligation import Mask
from exchange.policy.bundle import Bundle
from exchange.policy.combine import strictest
from exchange.policy.files.classification import Classified, ColumnClass
from exchange.policy.files.rules import Demand
from exchange.policy.questions.wording import mask_words


@dataclass(frozen=True, slots=True)
class ColumnStory:
    """What becomes of one column.

    Attributes:
        name: of the column.
        shown: "plain", a mask in words, or "withheld".
        rules: ids of the rules that made it so; none where nothing touches it.
        without: what it would be if these rules were gone; "" where nothing touches it.
    """

    name: str
    shown: str
    rules: tuple[str, ...] = ()
    without: str = ""


def column_stories(
    bundle: Bundle, classified: Classified, dataset: Dataset, demands: Sequence[Demand], *, owner: bool
) -> Iterator[ColumnStory]:
    """Every column of the dataset, in the source's order.

    Args:
        bundle: for the city's baseline.
        classified: the dataset as its steward describes it.
        dataset: as it was registered, or assumed.
        demands: all that acted beyond the baseline.
        owner: whether the reader belongs to the dataset's own department.
    """
    for column in dataset.columns:
        kind = classified.facts.columns.get(column.name)
        if kind is None:
            where = f"{classified.place}"
            yield ColumnStory(column.name, "withheld", (where,), "not classified: nobody sees it until it is")
            continue
        withheld = tuple(_withholding(bundle, column.name, kind, demands, owner=owner))
        masks = tuple(_masking(bundle, column.name, kind, demands, owner=owner))
        yield _story(column.name, withheld, masks)


def _story(name: str, withheld: tuple[str, ...], masks: tuple[tuple[str, Mask], ...]) -> ColumnStory:
    shown = mask_words(strictest([mask for _, mask in masks]))
    if withheld:
        return ColumnStory(name, "withheld", withheld, shown)
    if not masks:
        return ColumnStory(name, shown)
    winner = strictest([mask for _, mask in masks])
    acting = tuple(rule for rule, mask in masks if mask == winner) or tuple(rule for rule, _ in masks)
    rest = [mask for rule, mask in masks if rule not in acting]
    return ColumnStory(name, shown, acting, mask_words(strictest(rest)))


def _withholding(
    bundle: Bundle, name: str, kind: ColumnClass, demands: Sequence[Demand], *, owner: bool
) -> Iterator[str]:
    for rule in bundle.baseline:
        if rule.mask is None and rule.reaches(kind, owner=owner):
            yield rule.id
    for demand in demands:
        columns = demand.effects.columns
        if name in columns.withhold or (columns.allow is not None and name not in columns.allow):
            yield demand.id


def _masking(
    bundle: Bundle, name: str, kind: ColumnClass, demands: Sequence[Demand], *, owner: bool
) -> Iterator[tuple[str, Mask]]:
    for rule in bundle.baseline:
        if rule.mask is not None and rule.reaches(kind, owner=owner):
            yield rule.id, rule.mask
    for demand in demands:
        if name in demand.effects.mask:
            yield demand.id, demand.effects.mask[name]
        for tag in kind.tags:
            if tag in demand.effects.mask_tag:
                yield demand.id, demand.effects.mask_tag[tag]
