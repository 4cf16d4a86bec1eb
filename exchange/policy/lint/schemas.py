"""The rules against what connectors really serve: unclassified columns, masks and filters that cannot act."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from exchange.errors import ConfigError
from exchange.model.dataset import Column, Dataset
from exchange.model.obligation import fits
from exchange.policy.files.baseline import BaselineRule
from exchange.policy.files.classification import Classified
from exchange.policy.files.department import DepartmentPart
from exchange.policy.files.faults import Faults, refused
from exchange.policy.fitting import misfit

_FORM = 'write {"port.flights": {"origin": "string", ...}, ...}, or what `exchange catalogue --json` prints'


def load_schemas(path: Path) -> dict[str, Dataset]:
    """Datasets by id: one JSON object of id -> column -> arrow type, or a dataset in JSON on each line.

    Raises:
        ConfigError: the file holds neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = [_dataset(id_, columns) for id_, columns in _entries(text)]
    except (OSError, ValueError, AttributeError, TypeError, KeyError, ValidationError) as error:
        raise ConfigError(f"{path} holds no schemas: {type(error).__name__}", hint=_FORM) from None
    return {dataset.id: dataset for dataset in found}


def _entries(text: str) -> list[tuple[str, Any]]:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        whole = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(whole, dict) and "columns" in whole and "id" in whole:
        whole = [whole]
    return (
        list(whole.items()) if isinstance(whole, dict) else [(each["id"], each["columns"]) for each in whole]
    )


def _dataset(id_: str, columns: Any) -> Dataset:
    pairs = (
        columns.items() if isinstance(columns, dict) else [(each["name"], each["type"]) for each in columns]
    )
    return Dataset(id=id_, title=id_, columns=tuple(Column(name=name, type=kind) for name, kind in pairs))


def check_schemas(
    part: DepartmentPart,
    baseline: tuple[BaselineRule, ...],
    schemas: Mapping[str, Dataset],
    faults: Faults,
) -> None:
    """Hand in what does not fit the schemas; a dataset whose schema is not known is passed over."""
    for id_, classified in part.datasets.items():
        dataset = schemas.get(id_)
        if dataset is None:
            continue
        _check_columns(classified, dataset, faults)
        for rule in part.obligations.get(id_, ()):
            if why := misfit(rule.demand, dataset, classified):
                name = rule.demand.id.rpartition("#")[2]
                faults.add(refused(rule.place, f"obligation {name!r}: {why}", "mend the rule", name))
        for masking in baseline:
            _check_baseline(masking, classified, dataset, faults)


def _check_columns(classified: Classified, dataset: Dataset, faults: Faults) -> None:
    served = {column.name for column in dataset.columns}
    for name in sorted(served - classified.facts.columns.keys()):
        what = f"column {name!r} of {dataset.id} is not classified, so nobody is given it"
        faults.add(refused(classified.place, what, "classify it, even if nobody may see it", dataset.id))
    for name in sorted(classified.facts.columns.keys() - served):
        what = f"{dataset.id} serves no column {name!r}"
        faults.add(refused(classified.place, what, "mend its name or remove it", name))


def _check_baseline(rule: BaselineRule, classified: Classified, dataset: Dataset, faults: Faults) -> None:
    for name, kind in classified.facts.columns.items():
        column = dataset.column(name)
        if rule.mask is None or column is None or not rule.reaches(kind, owner=False):
            continue
        if not fits(rule.mask, column.family):
            what = f"the city masks {name!r} by {rule.mask.kind}, which cannot act on {column.type}"
            faults.add(refused(classified.place, what, "withhold the column, or mend its tags", name))
