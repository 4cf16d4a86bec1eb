"""What a subject may see: the catalogue as the policy itself allows it, and nothing that it would refuse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exchange.model.dataset import Column, Dataset
from exchange.model.obligation import Obligations
from exchange.model.request import ReadRequest
from exchange.model.subject import Subject
from exchange.policy.bundle import Bundle
from exchange.policy.combine import governed
from exchange.policy.decide import decide, department_term
from exchange.policy.facts import Facts
from exchange.policy.files.classification import DatasetClass

_NO_TRACE = "0" * 32


@dataclass(frozen=True, slots=True)
class VisibleDataset:
    """One dataset as one subject may know it.

    Attributes:
        id: dataset id.
        title: for people.
        purposes: those for which a read would be allowed now, in declared order.
        columns: what could be delivered under at least one of them, as the subject would meet it; empty while
            no connector has registered the dataset.
        sharing, grade, update_cycle: as its steward classified it.
    """

    id: str
    title: str
    purposes: tuple[str, ...]
    columns: tuple[Column, ...]
    sharing: str
    grade: str
    update_cycle: str


def visible(
    bundle: Bundle, subject: Subject, schemas: Mapping[str, Dataset], *, now: dt.datetime, state: str
) -> tuple[VisibleDataset, ...]:
    """Exactly the datasets for which some purpose is effectively allowed, sorted by id."""
    found = []
    for id_ in sorted(_named(bundle, subject)):
        classified = bundle.classified(id_)
        purposes = dict(_allowed(bundle, subject, id_, schemas.get(id_), now=now, state=state))
        if classified is not None and purposes:
            found.append(_entry(id_, classified.facts, purposes, schemas.get(id_)))
    return tuple(found)


def _named(bundle: Bundle, subject: Subject) -> Iterator[str]:
    """Datasets that a grant names together with the subject; a superset of what it may see."""
    terms = bundle.grants.terms(subject.id, department_term(subject))
    for part in bundle.parts.values():
        yield from (id_ for id_ in part.datasets if part.grants.names(part.grants.groups.terms(id_), terms))


def _allowed(
    bundle: Bundle, subject: Subject, id_: str, dataset: Dataset | None, *, now: dt.datetime, state: str
) -> Iterator[tuple[str, Obligations | None]]:
    for purpose in bundle.words.purposes:
        request = ReadRequest(dataset=id_, purpose=purpose, trace_id=_NO_TRACE)
        decision = decide(bundle, Facts(subject, dataset, request, "describe", now, state)).decision
        # An unregistered dataset passed both gates: the subject may know that it exists.
        if decision.allowed or decision.reason == "dataset-unregistered":
            yield purpose, decision.obligations


def _entry(
    id_: str, facts: DatasetClass, purposes: Mapping[str, Obligations | None], dataset: Dataset | None
) -> VisibleDataset:
    columns: dict[str, Column] = {}
    for obligations in purposes.values():
        for rule in obligations.columns if obligations and dataset else ():
            column = governed(rule, dataset) if dataset else None
            if column is not None:
                columns.setdefault(column.name, column)
    return VisibleDataset(
        id_,
        facts.title,
        tuple(purposes),
        tuple(columns.values()),
        facts.sharing.value,
        facts.grade.value,
        facts.update_cycle,
    )
