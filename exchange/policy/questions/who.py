"""`who DATASET [COLUMN]`: all who can see it, under which obligations."""

from __future__ import annotations

from exchange.errors import RequestInvalid
from exchange.policy.questions.matrix import Asker
from exchange.policy.questions.parties import parties
from exchange.policy.questions.sight import Sight, sights


def who(asker: Asker, dataset: str, column: str = "") -> list[Sight]:
    """Everybody who can see the dataset, or the column of it, as of the asker's moment.

    Raises:
        RequestInvalid: the policies speak of no such dataset or column.
    """
    classified = asker.bundle.classified(dataset)
    if classified is None:
        raise RequestInvalid(f"the policies speak of no dataset {dataset!r}", hint="see datasets.toml")
    if column and column not in classified.facts.columns:
        known = ", ".join(classified.facts.columns)
        raise RequestInvalid(f"{dataset} has no classified column {column!r}", hint=f"it has {known}")
    found = sights(asker, parties(asker.bundle), {dataset})
    return [sight for sight in found if not column or sight.shows(column)]
