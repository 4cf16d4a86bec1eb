"""Step 1: the question, checked as far as the asker can, and put to the broker."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from pydantic import ValidationError

from exchange.client.session import Session
from exchange.errors import ExchangeError, RequestInvalid, StreamMismatch
from exchange.model.dataset import check_dataset_id
from exchange.model.request import ReadRequest, check_purpose, check_trace_id
from exchange.wire import asking
from exchange.wire.access import REQUESTS_MAX
from exchange.wire.asking import Grant


def build_request(
    dataset: str,
    purpose: str,
    *,
    columns: Sequence[str] = (),
    where: str = "",
    limit: int | None = None,
    trace_id: str = "",
    at_least_revision: int = 0,
) -> ReadRequest:
    """The request these arguments mean.

    Raises:
        RequestInvalid: an argument cannot mean anything; the text says which.
    """
    if isinstance(columns, str):
        raise RequestInvalid("columns is a list of names, not one text", hint=f"columns=[{columns!r}]")
    try:
        return ReadRequest(
            dataset=check_dataset_id(dataset),
            purpose=check_purpose(purpose),
            columns=tuple(columns),
            where=where,
            row_limit=limit,
            trace_id=check_trace_id(trace_id) if trace_id else uuid.uuid4().hex,
            at_least_revision=at_least_revision,
        )
    except ValidationError as error:
        item = error.errors()[0]
        name = {"row_limit": "limit"}.get(str(item["loc"][0]), str(item["loc"][0]))
        raise RequestInvalid(f"{name}: {item['msg'].lower()}") from None


def ask(session: Session, request: ReadRequest) -> Grant:
    """The broker's yes.

    Raises:
        AccessRefused: the decision fell against the request; carries its reason code and id.
        RequestInvalid: a column or the predicate does not fit.
        Unavailable: the broker, the audit log or the dataset's connector is not there; try again later.
        StreamMismatch: the broker granted something else than was asked.
    """
    return fitting(
        asking.request_access(session.broker, request, timeout_s=session.settings.limits.ask_s), request
    )


def ask_many(session: Session, requests: Sequence[ReadRequest]) -> list[Grant | ExchangeError]:
    """The broker's answer to each, in order.

    Raises:
        Unavailable: nothing was answered from some question on.
        StreamMismatch: the broker answered something else than was asked.
    """
    answers: list[Grant | ExchangeError] = []
    for start in range(0, len(requests), REQUESTS_MAX):
        part = requests[start : start + REQUESTS_MAX]
        limit_s = session.settings.limits.ask_s
        answers.extend(asking.request_access_many(session.broker, part, timeout_s=limit_s))
    return answers


def fitting(grant: Grant, request: ReadRequest) -> Grant:
    """The grant, if it is for what was asked.

    Raises:
        StreamMismatch: it is not.
    """
    names = tuple(column.name for column in grant.columns)
    if request.columns and names != request.columns:
        raise StreamMismatch("the broker granted other columns than were asked for", id=grant.id)
    return grant
