"""Schemas for questions asked beside a broker: as stewards wrote them down, or what policies imply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from exchange.errors import PredicateInvalid
from exchange.model.dataset import Column, Dataset, family
from exchange.model.obligation import Mask, fits
from exchange.model.predicate import Leaf, check, leaves
from exchange.policy.bundle import Bundle
from exchange.policy.files.classification import Classified
from exchange.policy.files.rules import Demand
from exchange.policy.files.tree import DEPARTMENTS, PolicyTree
from exchange.policy.suite.schemas import SCHEMAS_FILE, parse_schemas

_TYPES = ("string", "double", "timestamp[us]", "date32[day]", "bool", "binary")
"""The types that may be assumed; of those that fit equally well the first."""


def written(files: PolicyTree, bundle: Bundle) -> dict[str, Dataset]:
    """The schemas that stewards wrote down beside their cases, `cases/schemas.yaml`, by dataset.

    Raises:
        PolicyInvalid: a fault in one of them.
    """
    found: dict[str, Dataset] = {}
    for name, part in bundle.parts.items():
        path = f"{DEPARTMENTS}/{name}/{SCHEMAS_FILE}"
        if path in files:
            schemas = parse_schemas(path, files[path], department=name, datasets=part.datasets)
            found.update(schemas)
    return found


class Schemas:
    """The schema of every dataset a bundle speaks of; one that nobody registered is assumed.

    An assumed schema has the classified columns, each of the type that fits most of what policy does with
    it: its masks and the literals its row filters compare it with.
    """

    def __init__(self, bundle: Bundle, known: Mapping[str, Dataset] | None = None) -> None:
        self._bundle = bundle
        self._known = dict(known or {})
        self._assumed: dict[str, Dataset] = {}

    def of(self, id_: str, added: Sequence[Demand] = ()) -> Dataset | None:
        """The schema; None for a dataset the policies do not speak of.

        Args:
            id_: dataset id.
            added: what the conditions demand besides the files, known only once they were asked.
        """
        if id_ in self._known:
            return self._known[id_]
        classified = self._bundle.classified(id_)
        if classified is None or added:
            return None if classified is None else self._assume(classified, added)
        if id_ not in self._assumed:
            self._assumed[id_] = self._assume(classified, ())
        return self._assumed[id_]

    def for_bundle(self, bundle: Bundle) -> Schemas:
        """The same registrations for another bundle; what is not registered is assumed from that one."""
        return Schemas(bundle, self._known)

    def assumes(self, id_: str) -> bool:
        """Whether the types are a guess from policy, because nobody said what was registered."""
        return id_ not in self._known

    def _assume(self, classified: Classified, added: Sequence[Demand]) -> Dataset:
        demands = (*(rule.demand for rule in self._bundle.obligations(classified.id)), *added)
        compared: dict[str, list[Leaf]] = {}
        for demand in demands:
            for leaf in leaves(demand.rows) if demand.rows is not None else ():
                compared.setdefault(leaf.column, []).append(leaf)
        columns = tuple(
            Column(name=name, type=_likeliest(masks, compared.get(name, ())))
            for name, masks in self._masks(classified, demands)
        )
        return Dataset(id=classified.id, title=classified.facts.title, columns=columns)

    def _masks(
        self, classified: Classified, demands: Sequence[Demand]
    ) -> Iterator[tuple[str, tuple[Mask, ...]]]:
        for name, kind in classified.facts.columns.items():
            tagged = (demand.effects.mask_tag for demand in demands)
            found = [
                *(
                    rule.mask
                    for rule in self._bundle.baseline
                    if rule.mask is not None and rule.reaches(kind, owner=False)
                ),
                *(demand.effects.mask[name] for demand in demands if name in demand.effects.mask),
                *(masks[tag] for masks in tagged for tag in kind.tags if tag in masks),
            ]
            yield name, tuple(found)


def _likeliest(masks: Sequence[Mask], compared: Iterable[Leaf]) -> str:
    listed = tuple(compared)
    if not masks and not listed:
        return _TYPES[0]
    return max(_TYPES, key=lambda kind: _score(kind, masks, listed))


def _score(kind: str, masks: Sequence[Mask], compared: Sequence[Leaf]) -> int:
    return sum(fits(mask, family(kind)) for mask in masks) + sum(_compares(kind, leaf) for leaf in compared)


def _compares(kind: str, leaf: Leaf) -> bool:
    try:
        check(leaf, lambda name: Column(name=name, type=kind))
    except PredicateInvalid:
        return False
    return True
