"""Step 3, first half: is the question a question at all? And how it stands in the log (T61, T62)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from exchange.audit.records.kinds import columns_of
from exchange.broker.ledger import Ledger
from exchange.errors import RequestInvalid
from exchange.model.dataset import Dataset, check_dataset_id
from exchange.model.predicate import Predicate
from exchange.model.predicate_sql import shape
from exchange.model.request import ReadRequest, check_purpose, check_trace_id

WHERE_CHARS_MAX = 16384
SHAPE_CHARS_MAX = 4096


def check_request(request: ReadRequest) -> None:
    """Nothing, if every part is well-formed; whether it is granted is decided later.

    Raises:
        RequestInvalid: which part is not.
    """
    _well_formed(check_dataset_id, request.dataset)
    _well_formed(check_purpose, request.purpose)
    check_trace_id(request.trace_id)
    if len(request.where) > WHERE_CHARS_MAX:
        raise RequestInvalid(f"the predicate is longer than {WHERE_CHARS_MAX:,} characters")


def asked(
    request: ReadRequest,
    granted: tuple[str, ...],
    dataset: Dataset | None,
    where: Predicate | None,
    ledger: Ledger,
) -> dict[str, Any]:
    """The fields of a decision record that tell what was asked, none of it a stranger's raw text.

    The columns are those granted, so that the log answers who was given which; of a denial those asked for.

    Ids and codes stand as they are once well-formed, column names if the dataset has them. Of a predicate
    stand the shape, once it is bound to columns, and a keyed commitment to its text.
    """
    known = dataset.names if dataset else frozenset()
    names = granted or request.columns
    if not known.issuperset(names):
        names = tuple(name if name in known else ledger.stranger(name) for name in names)
    return {
        "trace": request.trace_id if _is_trace(request.trace_id) else "",
        "dataset": _safe(check_dataset_id, request.dataset, ledger),
        "purpose": _safe(check_purpose, request.purpose, ledger),
        **columns_of(names)._asdict(),
        "predicate": _cut(shape(where)) if where is not None else "",
        "commitment": ledger.commit_to(request.where),
    }


def _is_trace(text: str) -> bool:
    try:
        check_trace_id(text)
    except RequestInvalid:
        return False
    return True


def _safe(check: Callable[[str], str], text: str, ledger: Ledger) -> str:
    if not text or _passes(check, text):
        return text
    return ledger.stranger(text)


@lru_cache(maxsize=4096)
def _well_formed(check: Callable[[str], str], text: str) -> None:
    """Nothing; what is well-formed once always is. A refusal is raised, and what is raised is not kept."""
    check(text)


def _passes(check: Callable[[str], str], text: str) -> bool:
    try:
        _well_formed(check, text)
    except RequestInvalid:
        return False
    return True


def _cut(text: str) -> str:
    return text if len(text) <= SHAPE_CHARS_MAX else text[: SHAPE_CHARS_MAX - 1] + "…"
