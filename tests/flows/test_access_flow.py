"""Every numbered step of the access flow, once as success and once as refusal, on real processes.

For each refusal: no data, and a record that says so.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from towns import eventually, recorded

import exchange
from examples.city.acts import records
from examples.city.town import TRUST_DOMAIN, Town, tls_in
from exchange.client.access import ask, build_request
from exchange.client.session import Session
from exchange.client.settings import ClientSettings
from exchange.client.stream import Stream
from exchange.config import load
from exchange.errors import (
    AccessRefused,
    ColumnUnknown,
    ConnectorUnavailable,
    ExchangeError,
    PredicateInvalid,
    RequestInvalid,
    SourceFailed,
    TicketRefused,
)
from exchange.model.clock import SystemClock
from exchange.model.receipt import Outcome, Received
from exchange.model.subject import CITY, Kind
from exchange.security.tls import channel
from exchange.wire.clients import submit_receipts

FLIGHTS, RESPONSE = "port.flights", "emergency-response"


@contextmanager
def session(town: Town, name: str) -> Iterator[Session]:
    """An actor's bare connections, below the pleasant surface."""
    opened = Session(load(town.client(name), ClientSettings), SystemClock())
    try:
        yield opened
    finally:
        opened.close()


def refused_with(town: Town, error: ExchangeError, kind: str = "decision") -> dict[str, object]:
    """The one record of a refusal, once it is there; and no START beside it."""
    assert error.id
    found = eventually(lambda: recorded(town, error.id, kind))
    assert not recorded(town, error.id, "start")
    assert len(found) == 1
    entry: dict[str, object] = found[0]
    return entry


# (1) the client asks


def test_step_1_a_question_is_recorded_as_it_was_asked_without_its_values(town: Town) -> None:
    with exchange.connect(town.client("dispatch")) as city:
        reading = city.read(FLIGHTS, purpose=RESPONSE, columns=["dest", "dep_delay"], where="dest = 'LAX'")
        table = reading.to_arrow()
    (decision,) = recorded(town, reading.id, "decision")
    assert table.column_names == ["dest", "dep_delay"]
    assert set(table["dest"].to_pylist()) == {"LAX"}
    assert (decision["dataset"], decision["purpose"]) == (FLIGHTS, RESPONSE)
    assert decision["columns"] == ["dest", "dep_delay"]
    assert "LAX" not in str(decision)


def test_step_1_a_question_that_means_nothing_is_refused_and_recorded(town: Town) -> None:
    with exchange.connect(town.client("dispatch")) as city:
        for columns, where, kind in (
            (["dest"], "dest = ", PredicateInvalid),
            (["dest"], "lower(dest) = 'lax'", PredicateInvalid),
            (["dest"], "arr_time > 5", PredicateInvalid),
            (["no_such_column"], "", ColumnUnknown),
            (["arr_time"], "", ColumnUnknown),
        ):
            with pytest.raises(kind) as caught:
                city.read(FLIGHTS, purpose=RESPONSE, columns=columns, where=where).to_arrow()
            assert refused_with(town, caught.value)["decision"] == "deny"


def test_step_1_many_questions_are_asked_in_one_call_and_each_is_answered_for_itself(town: Town) -> None:
    with exchange.connect(town.client("dispatch")) as city:
        readings = [
            city.read(FLIGHTS, purpose=RESPONSE, columns=["dest"], limit=3),
            city.read("port.nothing", purpose=RESPONSE),
            city.read(FLIGHTS, purpose=RESPONSE, columns=["origin"], limit=2),
        ]
        city.ask(readings)
        first, nothing, last = readings
        assert first.to_arrow().num_rows == 3
        with pytest.raises(AccessRefused) as caught:
            nothing.to_arrow()
        assert refused_with(town, caught.value)["reason"] == "dataset-unknown"
        assert last.to_arrow().column_names == ["origin"]
        used_up = last.id
        assert last.to_arrow().num_rows == 2
        assert last.id != used_up, "a second look is a new read with a ticket of its own"
    records = [recorded(town, reading.id, "decision")[0] for reading in (first, last)]
    assert all(record["decision"] == "allow" for record in records)


# (2) the subject is who the certificate names


def test_step_2_the_log_names_the_subject_of_the_certificate(town: Town) -> None:
    with exchange.connect(town.client("lab")) as city:
        reading = city.read(FLIGHTS, purpose="transport-research", columns=["dest"], limit=1)
        reading.to_arrow()
        assert city.me == f"spiffe://research.{TRUST_DOMAIN}/system/lab"
        (decision,) = recorded(town, reading.id, "decision")
        assert decision["subject"] == city.me


@pytest.mark.parametrize("name", ["chen", "wang"])
def test_step_2_who_is_no_system_reads_nothing_and_it_is_recorded(town: Town, name: str) -> None:
    before = len(records(town))
    with exchange.connect(town.client(name)) as city:
        with pytest.raises(AccessRefused) as caught:
            city.read(FLIGHTS, purpose="stewardship").to_arrow()
        subject = city.me
    assert any(entry.get("subject") == subject for entry in records(town)[before:])
    assert caught.value.id
    assert not recorded(town, caught.value.id, "start")


# (3) decide


def test_step_3_obligations_of_the_policy_act_on_what_arrives(town: Town) -> None:
    with exchange.connect(town.client("dispatch")) as city:
        table = city.read(FLIGHTS, purpose=RESPONSE).to_arrow()
    owner = pq.read_table(town.home("port") / "data" / "flights.parquet")
    late = owner.filter(pc.or_kleene(pc.greater(owner["dep_delay"], 30), pc.is_null(owner["dep_time"])))
    assert table.num_rows == late.num_rows
    assert not {"flight", "air_time", "hour", "minute", "arr_time", "dep_time"} & set(table.column_names)
    assert not set(table["tailnum"].drop_null().to_pylist()) & set(owner["tailnum"].drop_null().to_pylist())
    assert set(table["carrier"].to_pylist()) == {"***"}
    assert table["distance"].to_pylist() == late["distance"].to_pylist()


@pytest.mark.parametrize(
    ("who", "dataset", "purpose", "reason"),
    [
        ("desk", FLIGHTS, "press-inquiry", "no-grant"),
        ("desk", "port.submarines", "press-inquiry", "dataset-unknown"),
        ("desk", "港.flights", "press-inquiry", None),
        ("dispatch", FLIGHTS, "transport-research", "no-grant"),
        ("dispatch", FLIGHTS, "gossip", "purpose-undeclared"),
        ("dispatch", "registry.aircraft", "stewardship", "no-grant"),
    ],
)
def test_step_3_a_denial_is_recorded_with_its_true_reason_and_told_without_it(
    town: Town, who: str, dataset: str, purpose: str, reason: str | None
) -> None:
    with exchange.connect(town.client(who)) as city:
        if reason is None:
            with pytest.raises(RequestInvalid):
                city.read(dataset, purpose=purpose)
            return
        with pytest.raises(AccessRefused) as caught:
            city.read(dataset, purpose=purpose).to_arrow()
    assert caught.value.stable_reason == "not-granted"
    assert reason not in str(caught.value)
    assert refused_with(town, caught.value)["reason"] == reason


def test_t56_hidden_absent_and_not_granted_answer_alike(town: Town) -> None:
    said = set()
    with exchange.connect(town.client("desk")) as city:
        for dataset, purpose in (
            (FLIGHTS, "press-inquiry"),
            ("port.absent", "press-inquiry"),
            (FLIGHTS, "gossip"),
        ):
            with pytest.raises(AccessRefused) as caught:
                city.read(dataset, purpose=purpose).to_arrow()
            said.add((caught.value.stable_reason, caught.value.public, caught.value.hint))
        assert list(city.datasets()) == []
    assert len(said) == 1


# (4) durable before the answer, (5) the ticket


def test_steps_4_and_5_the_ticket_names_a_record_that_is_already_in_the_log(town: Town) -> None:
    with session(town, "dispatch") as opened:
        grant = ask(opened, build_request(FLIGHTS, RESPONSE, columns=["dest"]))
    (decision,) = recorded(town, grant.id, "decision")
    assert decision["index"] == grant.audit_index
    assert decision["revision"] == grant.revision


def test_step_5_no_ticket_while_the_connector_is_down(town: Town) -> None:
    town.stop("registry")
    try:
        with exchange.connect(town.client("dispatch")) as city:

            def unavailable() -> ExchangeError | None:
                try:
                    city.read("registry.aircraft", purpose=RESPONSE).to_arrow()
                except ConnectorUnavailable as error:
                    return error
                return None

            error = eventually(unavailable, within_s=40)
            (entry,) = [e for e in city.datasets() if e.id == "registry.aircraft"]
            eventually(
                lambda: (
                    "serving" not in str(next(e for e in city.datasets() if e.id == entry.id).availability)
                )
            )
    finally:
        town.start("registry")
    assert not recorded(town, error.id, "start")
    assert recorded(town, error.id, "decision")
    with exchange.connect(town.client("dispatch")) as city:
        assert city.read("registry.aircraft", purpose=RESPONSE).to_arrow().num_rows == 3322


# (6) the connector admits a ticket once


def test_step_6_start_is_recorded_for_what_was_admitted(town: Town) -> None:
    with exchange.connect(town.client("dispatch")) as city:
        reading = city.read(FLIGHTS, purpose=RESPONSE, columns=["dest"], limit=5)
        assert reading.to_arrow().num_rows == 5
    (start,) = eventually(lambda: recorded(town, reading.id, "start"))
    assert start["subject"] == f"spiffe://emergency.{TRUST_DOMAIN}/system/dispatch"


def test_step_6_a_ticket_used_twice_or_by_another_is_refused_and_recorded(town: Town) -> None:
    with session(town, "dispatch") as emergency, session(town, "desk") as press:
        request = build_request(FLIGHTS, RESPONSE, columns=["dest"])
        grant = ask(emergency, request)
        for thief, reason in ((press, "ticket-subject"), (None, ""), (emergency, "ticket-used")):
            if thief is None:
                assert sum(b.num_rows for b in Stream(emergency, request, grant, lambda _: None).batches())
                continue
            with pytest.raises(TicketRefused) as caught:
                list(Stream(thief, request, grant, lambda _: None).batches())
            assert caught.value.stable_reason == reason
            refusal = eventually(
                lambda reason=reason: [
                    e for e in recorded(town, grant.id, "refusal") if e["reason"] == reason
                ]
            )
            assert len(refusal) == 1


# (7) scan


def test_step_7_a_source_that_vanished_is_an_error_and_a_record(town: Town) -> None:
    data = town.home("registry") / "data" / "aircraft.csv"
    aside = data.with_suffix(".aside")
    shutil.move(data, aside)
    try:
        with exchange.connect(town.client("dispatch")) as city:
            reading = city.read("registry.aircraft", purpose=RESPONSE)
            with pytest.raises(ExchangeError) as caught:
                reading.to_arrow()
    finally:
        shutil.move(aside, data)
    assert isinstance(caught.value, SourceFailed | ConnectorUnavailable | TicketRefused)
    assert str(town.folder) not in str(caught.value)
    told = eventually(lambda: recorded(town, reading.id, "refusal") or recorded(town, reading.id, "end"))
    assert told[0].get("outcome", "refused") != "complete"


def test_step_7_a_ragged_line_fails_the_read_and_never_shortens_it(town: Town) -> None:
    data = town.home("registry") / "data" / "aircraft.csv"
    whole = data.read_bytes()
    try:
        data.write_bytes(whole + b"N99999,1999,only,three,fields\n" + b'"never closed\n')
        with exchange.connect(town.client("dispatch")) as city:
            reading = city.read("registry.aircraft", purpose=RESPONSE)
            with pytest.raises(ExchangeError) as caught:
                reading.to_arrow()
    finally:
        data.write_bytes(whole)
    assert isinstance(caught.value, SourceFailed | TicketRefused)
    told = eventually(lambda: recorded(town, reading.id, "refusal") or recorded(town, reading.id, "end"))
    assert told[0].get("outcome", "refused") != "complete"


# (8) enforce


def test_step_8_a_predicate_acts_on_masked_values(town: Town) -> None:
    owner = pq.read_table(town.home("port") / "data" / "flights.parquet", columns=["tailnum"])
    real = owner["tailnum"].drop_null()[0].as_py()
    with exchange.connect(town.client("dispatch")) as city:
        by_real = city.read(
            FLIGHTS, purpose=RESPONSE, columns=["tailnum"], where=f"tailnum = '{real}'"
        ).to_arrow()
        some = (
            city.read(FLIGHTS, purpose=RESPONSE, columns=["tailnum"], limit=1)
            .to_arrow()["tailnum"][0]
            .as_py()
        )
        by_mask = city.read(
            FLIGHTS, purpose=RESPONSE, columns=["tailnum"], where=f"tailnum = '{some}'"
        ).to_arrow()
    assert by_real.num_rows == 0
    assert by_mask.num_rows > 0


def test_step_8_a_column_that_appears_at_the_source_is_refused_until_it_is_classified(town: Town) -> None:
    data = town.home("registry") / "data" / "aircraft.csv"
    whole = data.read_text(encoding="utf-8").splitlines()
    with session(town, "dispatch") as opened:
        request = build_request("registry.aircraft", RESPONSE)
        grant = ask(opened, request)
        try:
            data.write_text("\n".join(f"{line},CANARY-{uuid.uuid4()}" for line in whole), encoding="utf-8")
            with pytest.raises((TicketRefused, SourceFailed)) as caught:
                list(Stream(opened, request, grant, lambda _: None).batches())
        finally:
            data.write_text("\n".join(whole) + "\n", encoding="utf-8")
    assert "CANARY" not in str(caught.value)
    assert eventually(lambda: recorded(town, grant.id, "refusal"))
    assert not recorded(town, grant.id, "start")


# (9) stream


def test_step_9_both_ends_count_and_digest_the_same(town: Town) -> None:
    with exchange.connect(town.client("ops")) as city:
        reading = city.read(FLIGHTS, purpose="stewardship")
        rows = sum(batch.num_rows for batch in reading)
    assert rows == 336_776
    assert reading.report is not None
    (end,) = eventually(lambda: recorded(town, reading.id, "end"))
    (received,) = eventually(lambda: recorded(town, reading.id, "received"))
    assert end["rows"] == received["rows"] == rows
    assert end["digest"] == received["digest"] == reading.report.digest
    assert end["outcome"] == received["outcome"] == "complete"


def test_step_9_a_consumer_that_leaves_is_an_aborted_stream_on_both_accounts(town: Town) -> None:
    with exchange.connect(town.client("ops")) as city:
        reading = city.read(FLIGHTS, purpose="stewardship")
        for batch in reading:
            assert isinstance(batch, pa.RecordBatch)
            break
    (end,) = eventually(lambda: recorded(town, reading.id, "end"))
    (received,) = eventually(lambda: recorded(town, reading.id, "received"))
    assert end["outcome"] == received["outcome"] == "aborted"
    assert 0 < received["rows"] <= end["rows"] < 336_776


# (10) receipts


def test_step_10_the_log_holds_decision_start_end_and_receipt_under_one_id(town: Town) -> None:
    with exchange.connect(town.client("dispatch")) as city:
        reading = city.read("weather.observations", purpose=RESPONSE, columns=["temp"], limit=10)
        reading.to_arrow()
    assert reading.delivered
    kinds = eventually(lambda: len(recorded(town, reading.id)) == 4 and recorded(town, reading.id))
    assert sorted(entry["kind"] for entry in kinds) == ["decision", "end", "received", "start"]
    assert len({entry["trace"] for entry in kinds}) == 1


def test_step_10_nobody_can_give_a_receipt_for_anothers_read(town: Town) -> None:
    with exchange.connect(town.client("dispatch")) as city:
        reading = city.read(FLIGHTS, purpose=RESPONSE, columns=["dest"], limit=1)
        reading.to_arrow()
    before = len(records(town))
    with session(town, "desk") as press:
        forged = Received(
            ticket=reading.id,
            consumer=press.subject.id,
            rows=0,
            bytes=0,
            batches=0,
            digest="0" * 64,
            outcome=Outcome.COMPLETE,
            at_us=0,
        )
        (reason,) = submit_receipts(press.broker, [press.signer.sign(forged)], timeout_s=5)
    assert reason
    fresh = records(town)[before:]
    assert any(e["kind"] == "administration" and e["outcome"] == "refused" for e in fresh)
    assert len(recorded(town, reading.id, "received")) == 1


def test_t1_without_a_certificate_nobody_hears_anything(town: Town) -> None:
    roots = (town.folder / "clients" / "dispatch" / "roots.pem").read_bytes()
    options = (("grpc.ssl_target_name_override", f"broker.city.{TRUST_DOMAIN}"),)
    credentials = grpc.ssl_channel_credentials(roots)
    with grpc.secure_channel(f"127.0.0.1:{town.ports[CITY]}", credentials, options) as anonymous:
        call = anonymous.unary_unary("/exchange.v1.CatalogueService/ListDatasets")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_t22_a_connector_at_anothers_address_is_not_believed(town: Town) -> None:
    tls = tls_in(town.folder / "clients" / "dispatch")
    wrong = f"127.0.0.1:{town.ports['weather']}"
    with (
        channel(wrong, tls, "port", Kind.CONNECTOR, TRUST_DOMAIN) as opened,
        pytest.raises(grpc.RpcError) as caught,
    ):
        opened.unary_stream("/arrow.flight.protocol.FlightService/DoGet")(b"", timeout=5).next()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
