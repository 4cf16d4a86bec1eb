"""T63: a connector under-reports what it sent; the consumer's own receipt stands beside it."""

from __future__ import annotations

from pathlib import Path

from broker_house import end, fresh_house, received

from exchange.model.subject import Kind, spiffe_id

CONNECTOR = spiffe_id("zhongshui.example", "port", Kind.CONNECTOR)


def test_t63_both_accounts_stand_in_the_log_under_one_id(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        grant = house.ask()
        assert house.submit(house.actor("port", Kind.CONNECTOR), end(grant, CONNECTOR, rows=3)) == ("",)
        assert house.submit(house.actor("emergency"), received(grant, rows=1000)) == ("",)
        told = {record["kind"]: record["rows"] for record in house.records(id=grant.id) if record.get("rows")}
        assert told == {"end": 3, "received": 1000}
