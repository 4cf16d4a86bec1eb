"""`who DATASET [COLUMN]`: all who can see it, under which obligations."""

from __future__ import annotations

from exchange.errors import RequestInvalid
from exchange.policy.bundle import Bundle
from exchange.policy.questions.matrix import Asker
from exchange.policy.questions.parties import parties
from exchange.policy.questions.sight import Sight, sights
from exchange.policy.questions.what import nearest


def who(asker: Asker, dataset: str, column: str = "") -> list[Sight]:
    """Everybody who can see the dataset, or the column of it, as of the asker's moment.

    Raises:
        RequestInvalid: the policies speak of no such dataset or column.
    """
    classified = asker.bundle.classified(dataset)
    if classified is None:
        raise RequestInvalid(
            unknown(dataset), hint=near_dataset(asker.bundle, dataset) or "see datasets.toml"
        )
    if column and column not in classified.facts.columns:
        columns = classified.facts.columns
        hint = nearest(column, columns) or f"it has {', '.join(columns)}"
        raise RequestInvalid(f"{dataset} has no classified column {column!r}", hint=hint)
    found = sights(asker, parties(asker.bundle), {dataset})
    return [sight for sight in found if not column or sight.shows(column)]


def unknown(dataset: str) -> str:
    """What is wrong with a dataset that nobody classified."""
    return f"the policies speak of no dataset {dataset!r}"


def near_dataset(bundle: Bundle, dataset: str) -> str:
    """The classified dataset that was meant, as a question; "" where none is like it."""
    return nearest(dataset, (name for part in bundle.parts.values() for name in part.datasets))
