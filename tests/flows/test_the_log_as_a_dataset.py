"""The audit log is itself a dataset: governed like any other, and whoever reads it is recorded in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow.flight as fl
import pytest
from towns import eventually, recorded

import exchange
from examples.city import audit_office
from examples.city.acts import records
from examples.city.audit_office import INDEXER, INSPECTOR, INSPECTOR_ID, LOG, OFFICE
from examples.city.town import Town
from exchange.errors import AccessRefused
from exchange.model.subject import CITY


def stock_client(town: Town, name: str, location: str) -> fl.FlightClient:
    tls = town.folder / "clients" / name
    return fl.FlightClient(
        location,
        tls_root_certs=(tls / "roots.pem").read_bytes(),
        cert_chain=(tls / "identity.pem").read_bytes(),
        private_key=(tls / "identity.key").read_bytes(),
    )


@pytest.fixture(scope="module")
def office(town: Town) -> Iterator[Town]:
    """The city, with the Audit Office in it."""
    audit_office.join(town)
    yield town
    for name in (OFFICE, INDEXER):
        if name in town.processes:
            town.stop(name)


def rows(town: Town, name: str, purpose: str, where: str = "") -> tuple[str, list[dict[str, Any]]]:
    """A read of the log, to its end: its access id, and its rows."""
    with exchange.connect(town.client(name)) as city:
        reading = city.read(LOG, purpose=purpose, where=where)
        table = reading.to_arrow()
        return reading.id, table.to_pylist()


def signed(town: Town, index: int) -> None:
    """Wait for a checkpoint that covers the record; the log signs a few times a second."""
    eventually(lambda: int((town.audit / "checkpoint").read_text(encoding="utf-8").split("\n")[1]) > index)


def somebody_reads(town: Town) -> dict[str, Any]:
    """An access of another department, signed; its decision's record."""
    with exchange.connect(town.client("dispatch")) as city:
        reading = city.read("weather.observations", purpose="emergency-response", columns=["temp"], limit=3)
        reading.to_arrow()
    (decision,) = eventually(lambda: recorded(town, reading.id, "decision"))
    signed(town, decision["index"])
    return dict(decision)


def test_an_auditor_sees_what_was_signed_when_the_read_began(office: Town) -> None:
    decision = somebody_reads(office)
    _, found = rows(office, INSPECTOR, "audit", f"id = '{decision['id']}' AND kind = 'decision'")
    (row,) = found
    for name in ("index", "kind", "subject", "dataset", "purpose", "columns", "rules", "reason", "revision"):
        assert row[name] == (decision[name] or None), name
    assert row["time"].isoformat() == decision["time"].replace("Z", "+00:00")


def test_reading_the_log_is_in_the_log_and_can_be_read_there(office: Town) -> None:
    first, _ = rows(office, INSPECTOR, "audit", "kind = 'publication'")
    kinds = eventually(lambda: len(recorded(office, first)) == 4 and recorded(office, first))
    assert {entry["kind"] for entry in kinds} == {"decision", "start", "end", "received"}
    assert {entry["subject"] for entry in kinds} == {INSPECTOR_ID}
    signed(office, max(entry["index"] for entry in kinds))

    second, found = rows(office, INSPECTOR, "audit", f"dataset = '{LOG}' AND subject = '{INSPECTOR_ID}'")

    mine = [row for row in found if row["id"] == first]
    assert [row["kind"] for row in mine] == [entry["kind"] for entry in kinds]
    assert mine[0]["decision"] == "allow"
    assert mine[0]["purpose"] == "audit"
    assert second not in {row["id"] for row in found if row["kind"] == "end"}


def test_the_rows_are_the_log_whole_and_in_order(office: Town) -> None:
    _, found = rows(office, INSPECTOR, "audit")
    written = {entry["index"]: entry for entry in records(office)}
    assert [row["index"] for row in found] == list(range(len(found)))
    assert all(row["kind"] == written[row["index"]]["kind"] for row in found)


def test_an_owner_sees_the_rows_on_its_own_datasets_and_no_name(office: Town) -> None:
    weather = somebody_reads(office)
    with exchange.connect(office.client("dispatch")) as city:
        reading = city.read("port.flights", purpose="emergency-response", columns=["dest"], limit=1)
        reading.to_arrow()
    eventually(lambda: recorded(office, reading.id, "end"))
    signed(office, recorded(office, reading.id, "end")[0]["index"])

    _, found = rows(office, "ops", "stewardship")

    assert {row["dataset"].partition(".")[0] for row in found} == {"port"}
    assert {reading.id} <= {row["id"] for row in found}
    assert weather["id"] not in {row["id"] for row in found}
    assert all("spiffe" not in str((row["subject"], row["speaker"])) for row in found)
    assert {row["department"] for row in found if row["id"] == reading.id} == {"emergency", None}
    assert not {"predicate", "target", "trace"} & set(found[0])


def test_whoever_counts_learns_neither_dataset_nor_hour_nor_name(office: Town) -> None:
    somebody_reads(office)
    _, found = rows(office, "lab", "statistics")
    assert {row["kind"] for row in found} == {"decision", "end"}
    assert {(row["time"].minute, row["time"].second) for row in found} == {(0, 0)}
    assert not {"dataset", "id", "index", "reason", "rules"} & set(found[0])
    assert "spiffe" not in str(found)


@pytest.mark.parametrize(
    ("name", "purpose"),
    [("ops", "audit"), ("dispatch", "audit"), ("dispatch", "stewardship"), ("desk", "statistics")],
)
def test_whoever_may_not_read_the_log_is_refused_and_recorded(office: Town, name: str, purpose: str) -> None:
    with pytest.raises(AccessRefused) as caught:
        rows(office, name, purpose)
    (decision,) = recorded(office, caught.value.id, "decision")
    assert (decision["dataset"], decision["decision"], decision["reason"]) == (LOG, "deny", "no-grant")


def test_a_stock_flight_client_reads_the_log(office: Town) -> None:
    decision = somebody_reads(office)
    with stock_client(office, INSPECTOR, f"grpc+tls://127.0.0.1:{office.ports[CITY]}") as broker:
        info = broker.get_flight_info(fl.FlightDescriptor.for_path(LOG, "audit"))
    (endpoint,) = info.endpoints
    with stock_client(office, INSPECTOR, endpoint.locations[0].uri.decode()) as connector:
        table = connector.do_get(endpoint.ticket).read_all()
    assert decision["id"] in table["id"].to_pylist()
    assert table.schema == info.schema
