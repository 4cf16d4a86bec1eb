"""Several questions in one call: each is decided, recorded and answered as if it had come alone."""

from __future__ import annotations

import errno

import grpc
import pytest
from broker_house import TIMEOUT_S, House, question

from exchange.audit.records.record import RECORD_BYTES_MAX
from exchange.errors import (
    AccessRefused,
    AuditUnavailable,
    ColumnUnknown,
    ExchangeError,
    PredicateInvalid,
    RequestInvalid,
    Unavailable,
)
from exchange.model.request import ReadRequest
from exchange.v1 import access_pb2
from exchange.wire import asking
from exchange.wire.access import REQUESTS_MAX, refusal_from_wire
from exchange.wire.asking import Grant


def ask(house: House, *requests: ReadRequest) -> list[Grant | ExchangeError]:
    return asking.request_access_many(house.dispatch(), requests, timeout_s=TIMEOUT_S)


def alone(house: House, request: ReadRequest) -> Grant | ExchangeError:
    try:
        return asking.request_access(house.dispatch(), request, timeout_s=TIMEOUT_S)
    except ExchangeError as error:
        return error


MIXED = [
    question(),
    question(dataset="port.nothing"),
    question(columns=("origin", "hidden")),
    question(where="no predicate ("),
    question(dataset="no id"),
    question(purpose="press-inquiry"),
    question(at_least_revision=99),
    question(columns=("origin",)),
]


def test_each_is_answered_as_if_it_had_come_alone(house: House) -> None:
    answers = ask(house, *MIXED)
    for answer, single in zip(answers, [alone(house, request) for request in MIXED], strict=True):
        assert type(answer) is type(single)
        if isinstance(answer, ExchangeError):
            assert isinstance(single, ExchangeError)
            assert (answer.stable_reason, answer.hint) == (single.stable_reason, single.hint)
            assert answer.public == single.public
        else:
            assert isinstance(single, Grant)
            assert answer.columns == single.columns
    refused = [AccessRefused, ColumnUnknown, PredicateInvalid, RequestInvalid, AccessRefused, Unavailable]
    assert [type(answer) for answer in answers] == [Grant, *refused, Grant]


def test_each_is_on_record_under_its_own_id_before_the_answer(house: House) -> None:
    answers = ask(house, *MIXED)
    ids = [answer.id for answer in answers]
    assert len(set(ids)) == len(ids)
    for answer in answers:
        (record,) = house.records("decision", id=answer.id)
        assert record["decision"] == ("allow" if isinstance(answer, Grant) else "deny")
        if isinstance(answer, Grant):
            assert house.ticket(answer).audit_index == record["index"] == answer.audit_index


def test_nothing_is_answered_where_nothing_can_be_recorded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_records: object) -> list[int]:
        raise AuditUnavailable("nothing can be recorded", detail=str(errno.ENOSPC))

    monkeypatch.setattr(house.running._parts.log, "append_many", full)
    with pytest.raises(AuditUnavailable):
        ask(house, question(), question())


def test_one_that_is_too_large_to_be_recorded_does_not_take_the_others_with_it(house: House) -> None:
    broad = tuple(f"{number:04}" + "列" * 100 for number in range(300))
    assert sum(len(name.encode()) for name in broad) > RECORD_BYTES_MAX
    answers = ask(house, question(), question(columns=broad), question())
    assert [isinstance(answer, Grant) for answer in answers] == [True, False, True]


def test_so_many_at_once_and_no_more(house: House) -> None:
    assert len(ask(house, *[question()] * REQUESTS_MAX)) == REQUESTS_MAX
    with pytest.raises(RequestInvalid, match="at most 64"):
        ask(house, *[question()] * (REQUESTS_MAX + 1))


def test_no_question_has_no_answer(house: House) -> None:
    assert ask(house) == []


def test_a_refusal_of_a_status_that_this_version_does_not_know_is_an_error_all_the_same() -> None:
    strange = access_pb2.AccessRefusal(reason="of-the-future", id="ab" * 16, status="NEVER_HEARD_OF")
    error = refusal_from_wire(strange)
    assert (error.stable_reason, error.id) == ("of-the-future", "ab" * 16)


def test_a_broken_message_is_refused_on_record(house: House) -> None:
    call = house.dispatch().unary_unary("/exchange.v1.AccessService/RequestAccessMany")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"\xff\xff", timeout=TIMEOUT_S)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
