"""T63: a connector under-reports what it sent; the consumer's own receipt stands beside it."""

from __future__ import annotations

from pathlib import Path

import small_city
from broker_house import end, fresh_house, received, start

from exchange.audit.index.build import refresh
from exchange.audit.index.reading import opened
from exchange.audit.reconcile.findings import Severity
from exchange.audit.reconcile.reconcile import reconcile
from exchange.model.subject import Kind, spiffe_id

CONNECTOR = spiffe_id("zhongshui.example", "port", Kind.CONNECTOR)


def test_t63_both_accounts_stand_in_the_log_under_one_id(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        grant = house.ask()
        assert house.submit(house.actor("port", Kind.CONNECTOR), end(grant, CONNECTOR, rows=3)) == ("",)
        assert house.submit(house.actor("emergency"), received(grant, rows=1000)) == ("",)
        told = {record["kind"]: record["rows"] for record in house.records(id=grant.id) if record.get("rows")}
        assert told == {"end": 3, "received": 1000}


def test_t63_reconciling_names_the_connector_that_says_less(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        grant, honest = house.ask(), house.ask()
        connector, consumer = house.actor("port", Kind.CONNECTOR), house.actor("emergency")
        for given, told in ((grant, 3), (honest, 1000)):
            assert house.submit(connector, start(given, CONNECTOR), end(given, CONNECTOR, rows=told)) == (
                "",
                "",
            )
            assert house.submit(consumer, received(given, rows=1000)) == ("",)
        house.stop()
        log = house.settings.audit
    refresh(log, tmp_path / "index")
    with opened(tmp_path / "index") as records:
        (found,) = reconcile(log, records)
    assert (found.code, found.severity, found.id) == ("connector-says-less", Severity.ALARM, grant.id)
    assert (found.dataset, found.subject) == ("port.flights", small_city.DISPATCH)
    assert "the connector says 3 rows" in found.text


def test_t63_reconciling_names_the_connector_that_changes_its_account(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        grant, connector = house.ask(), house.actor("port", Kind.CONNECTOR)
        house.submit(connector, start(grant, CONNECTOR), end(grant, CONNECTOR, rows=1000))
        assert house.submit(connector, end(grant, CONNECTOR, rows=3)) == ("receipt-conflict",)
        house.submit(house.actor("emergency"), received(grant, rows=1000))
        house.stop()
        log = house.settings.audit
    refresh(log, tmp_path / "index")
    with opened(tmp_path / "index") as records:
        (found,) = reconcile(log, records)
    assert (found.code, found.id, found.subject) == ("account-changed", grant.id, CONNECTOR)
