"""The three accounts of an access: what honest parties leave in a log, and what each untruth is called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_house import NOON_US
from told_house import CONNECTOR, CONSUMER, DATASET, SECOND, TICKET_S, Telling, access_id, telling, view_of

from exchange.audit.log import LogLimits
from exchange.audit.reconcile.findings import ADVICE, Severity
from exchange.audit.reconcile.moments import REVOKED_S
from exchange.audit.reconcile.reconcile import reconcile
from exchange.audit.reconcile.suspects import Wanted
from exchange.audit.storage.layout import Layout
from exchange.errors import LogCorrupt
from exchange.model.receipt import Outcome

OTHER = "spiffe://press.zhongshui.example/system/desk"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Telling]:
    with telling(tmp_path / "log") as told:
        yield told


def test_an_honest_busy_log_has_no_finding(city: Telling) -> None:
    for number in range(20):
        city.decide(number)
    for number in range(16):
        city.start(number)
        city.wait(1)
    for number in range(0, 16, 2):
        city.end(number)
        city.received(number)
    for number in range(1, 16, 2):
        # the consumer went away: it has less than was handed to the transport, and says so
        city.end(number, outcome=Outcome.ABORTED, reason="cancelled")
        city.received(number, rows=40, bytes=2000, batches=1, digest="cd" * 32, outcome=Outcome.CUT)
    city.decide(30, decision="deny", reason="no-grant", public_reason="not-granted", expires="")
    city.decide(31, action="describe", expires="")
    city.revoke(17)
    assert city.findings() == []


def test_a_finding_says_who_what_and_what_to_do(city: Telling) -> None:
    city.decide()
    city.start()
    end, receipt = city.end(rows=3, bytes=168), city.received()
    (found,) = city.findings()
    assert (found.code, found.severity) == ("connector-says-less", Severity.ALARM)
    assert (found.id, found.records) == (access_id(0), (end, receipt))
    assert (found.dataset, found.subject) == (DATASET, CONSUMER)
    assert found.text == "the connector says 3 rows in 168 bytes, the consumer says 100 rows in 5600 bytes"
    assert found.advice == ADVICE["connector-says-less"][1]


def test_no_decision(city: Telling) -> None:
    city.start()
    city.end()
    city.received()
    assert city.codes() == ["no-decision"]


def test_a_receipt_alone_is_data_without_a_decision(city: Telling) -> None:
    city.received()
    assert city.codes() == ["no-decision", "unreported-delivery"]


def test_looking_at_a_schema_allows_no_data(city: Telling) -> None:
    city.decide(action="describe")
    city.start()
    city.end()
    city.received()
    assert city.codes() == ["no-decision"]


def test_denied_yet_delivered(city: Telling) -> None:
    city.decide(decision="deny", reason="no-grant", public_reason="not-granted", expires="")
    city.start()
    city.end()
    city.received()
    (found,) = city.findings()
    assert found.code == "denied-yet-delivered"
    assert "no-grant" in found.text
    assert len(found.records) == 4


def test_decided_twice(city: Telling) -> None:
    city.honest()
    city.decide(row_limit=5000)
    assert city.codes() == ["decided-twice"]


def test_another_subject(city: Telling) -> None:
    city.decide()
    city.start(subject=OTHER)
    city.end()
    city.received()
    (found,) = city.findings()
    assert found.code == "subject-differs"
    assert OTHER in found.text


def test_another_consumer_acknowledges(city: Telling) -> None:
    city.decide()
    city.start()
    city.end()
    city.received(consumer=OTHER)
    assert city.codes() == ["subject-differs"]


def test_another_dataset(city: Telling) -> None:
    city.decide()
    city.start(dataset="port.船舶")
    city.end()
    city.received()
    assert city.codes() == ["dataset-differs"]


@pytest.mark.parametrize("speaker", ["spiffe://weather.zhongshui.example/connector", CONSUMER, "port"])
def test_wrong_speaker(city: Telling, speaker: str) -> None:
    city.decide()
    city.start()
    city.end(connector=speaker)
    city.received()
    assert city.codes() == ["wrong-speaker"]


def test_a_city_with_one_host_name_for_all_is_understood(city: Telling) -> None:
    same_host = "spiffe://zhongshui.example/department/port/connector"
    city.decide()
    city.start(connector=same_host)
    city.end(connector=same_host)
    city.received()
    assert city.codes() == []


@pytest.mark.parametrize(("end", "receipt"), [(100, 100), (99, 100)])
def test_above_the_row_limit(city: Telling, end: int, receipt: int) -> None:
    city.decide(row_limit=99)
    city.start()
    city.end(rows=end)
    city.received(rows=receipt)
    assert "above-row-limit" in city.codes()


def test_exactly_the_row_limit_is_no_finding(city: Telling) -> None:
    city.decide(row_limit=100)
    city.start()
    city.end()
    city.received()
    assert city.codes() == []


def test_started_after_the_ticket_expired(city: Telling) -> None:
    city.decide()
    city.wait(TICKET_S + 6)
    city.start()
    city.end()
    city.received()
    assert city.codes() == ["late-start"]


def test_a_start_that_is_only_reported_late_is_no_finding(city: Telling) -> None:
    city.decide()
    city.wait(TICKET_S + 300)
    began_us = NOON_US + 30 * SECOND
    city.start(at_us=began_us)
    city.end(started_us=began_us, ended_us=began_us)
    city.received()
    assert city.codes() == []


def test_start_missing(city: Telling) -> None:
    city.decide()
    city.end()
    city.received()
    assert city.codes() == ["start-missing"]


def test_end_missing_is_a_warning_for_a_crash_can_cause_it(city: Telling) -> None:
    city.decide()
    city.start()
    (found,) = city.findings()
    assert (found.code, found.severity) == ("end-missing", Severity.WARNING)


def test_a_delivery_of_which_only_the_consumer_speaks_is_an_alarm(city: Telling) -> None:
    city.decide()
    city.start()
    city.received()
    (found,) = city.findings()
    assert (found.code, found.severity) == ("unreported-delivery", Severity.ALARM)


def test_a_stream_that_may_still_run_is_no_finding(city: Telling) -> None:
    city.decide()
    city.start()
    city.wait(3600 + 599)
    city.decide(1)
    with view_of(city.folder) as records:
        assert list(reconcile(city.folder, records)) == []


def test_its_end_is_missing_once_deadline_and_grace_are_over(city: Telling) -> None:
    city.decide()
    city.start()
    city.wait(61)
    city.decide(1)
    with view_of(city.folder) as records:
        found = list(reconcile(city.folder, records, stream_s=50, grace_s=10))
    assert [one.code for one in found] == ["end-missing"]


def test_delivered_after_revocation(city: Telling) -> None:
    city.decide()
    city.start()
    city.revoke()
    city.wait(REVOKED_S + 1)
    city.end()
    city.received()
    assert city.codes() == ["delivered-after-revocation"]


def test_a_stream_that_ends_when_it_is_revoked_is_no_finding(city: Telling) -> None:
    city.decide()
    city.start()
    city.revoke()
    city.wait(2)
    city.end(rows=10, outcome=Outcome.ABORTED, reason="revoked")
    city.received(rows=8, bytes=500, batches=1, outcome=Outcome.CUT)
    assert city.codes() == []


def test_a_ticket_used_twice(city: Telling) -> None:
    city.honest()
    city.start()
    assert city.codes() == ["ticket-used-twice"]


def test_a_statement_sent_again_is_no_finding(city: Telling) -> None:
    city.decide()
    for _ in range(2):
        city.start(at_us=NOON_US)
        city.end(ended_us=NOON_US, started_us=NOON_US)
        city.received(at_us=NOON_US)
    assert city.codes() == []


def test_a_connector_that_changes_its_account(city: Telling) -> None:
    city.honest()
    city.end(outcome=Outcome.COMPLETE, ended_us=NOON_US)
    assert city.codes() == ["account-changed"]


@pytest.mark.parametrize("less", [{"rows": 99}, {"bytes": 5599}, {"batches": 1}])
def test_a_connector_that_says_less(city: Telling, less: dict[str, int]) -> None:
    city.decide()
    city.start()
    city.end(**less)
    city.received()
    assert city.codes() == ["connector-says-less"]


def test_a_connector_that_says_less_of_a_stream_that_was_cut(city: Telling) -> None:
    city.decide()
    city.start()
    city.end(rows=10, outcome=Outcome.ABORTED)
    city.received(rows=11, outcome=Outcome.CUT)
    assert city.codes() == ["connector-says-less"]


def test_a_consumer_that_says_less(city: Telling) -> None:
    city.decide()
    city.start()
    city.end()
    city.received(rows=99)
    assert city.codes() == ["consumer-says-less"]


def test_other_bytes_arrived(city: Telling) -> None:
    city.decide()
    city.start()
    city.end()
    city.received(digest="cd" * 32)
    assert city.codes() == ["digest-differs"]


@pytest.mark.parametrize("outcome", [Outcome.ABORTED, Outcome.FAILED, Outcome.CUT])
def test_the_connector_says_it_broke_and_the_consumer_that_it_is_whole(
    city: Telling, outcome: Outcome
) -> None:
    city.decide()
    city.start()
    city.end(outcome=outcome)
    city.received()
    assert city.codes() == ["outcome-differs"]


def test_a_missing_receipt_is_a_note_and_told_only_if_asked_for(city: Telling) -> None:
    city.decide()
    city.start()
    city.end()
    (found,) = city.findings()
    assert (found.code, found.severity) == ("receipt-missing", Severity.NOTE)
    assert city.findings(notes=False) == []


@pytest.mark.parametrize(
    ("reason", "speaker", "code"),
    [
        ("ticket-unknown", CONNECTOR, "ticket-never-issued"),
        ("ticket-unknown", CONSUMER, "statement-refused"),
        ("receipt-conflict", CONNECTOR, "account-changed"),
        ("receipt-mismatch", CONNECTOR, "statement-refused"),
    ],
)
def test_what_the_broker_refused_to_record(city: Telling, reason: str, speaker: str, code: str) -> None:
    at = city.refused(reason, speaker)
    (found,) = city.findings()
    assert (found.code, found.records, found.id) == (code, (at,), access_id(0))


def test_only_the_accesses_asked_for(city: Telling) -> None:
    city.decide(0)
    city.start(0)
    city.wait(100)
    city.decide(1, dataset="weather.雨量", department="research")
    city.start(1, dataset="weather.雨量", connector="spiffe://weather.zhongshui.example/connector")
    early, late = access_id(0), access_id(1)

    def ids(**wanted: object) -> list[str]:
        return [found.id for found in city.findings(**wanted)]

    assert ids() == [early, late]
    assert ids(dataset=DATASET) == [early]
    assert ids(department="weather") == [late]
    assert ids(department="research") == [late]
    assert ids(from_us=NOON_US + SECOND) == [late]
    assert ids(to_us=NOON_US + SECOND) == [early]


def test_an_access_is_judged_by_all_its_records_even_those_behind_the_period(city: Telling) -> None:
    city.honest()
    assert city.codes(to_us=NOON_US + SECOND) == []


def test_an_index_of_another_log_is_not_believed(city: Telling, tmp_path: Path) -> None:
    with telling(tmp_path / "other") as other:
        other.decide(7)
        other.start(8)
        city.decide(0)
        city.start(0)
        with view_of(other.folder) as records, pytest.raises(LogCorrupt, match="does not fit"):
            list(reconcile(city.folder, records, wanted=Wanted(notes=True)))


def test_an_index_beyond_the_log_is_not_believed(city: Telling, tmp_path: Path) -> None:
    with telling(tmp_path / "other") as other:
        for _ in range(5):
            other.start(8)
            other.wait(1)
        with view_of(other.folder) as records, pytest.raises(LogCorrupt, match="not in the log"):
            list(reconcile(city.folder, records))


def test_what_retention_removed_is_not_held_against_anybody(tmp_path: Path) -> None:
    limits = LogLimits(checkpoint_every_s=0.0, segment_bytes_max=1)
    with telling(tmp_path / "log", limits) as city:
        city.decide(0)
        city.wait(1)
        city.start(0)
        city.end(0)
        city.received(0)
        city.wait(3600 + 601)
        city.start(1)
        city.end(1)
        city.received(1)
        removed = Layout(city.folder).segments()[:3]
        assert city.codes() == ["no-decision"]
        for path in removed:
            path.unlink()
        assert [found.id for found in city.findings()] == [access_id(1)]


def test_every_code_is_one_that_a_test_here_or_a_reader_of_this_page_knows() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    assert [code for code in ADVICE if f'"{code}"' not in here] == []
