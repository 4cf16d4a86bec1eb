"""A broker that needs its witness, and a connector that is one: from the start to a cosigned checkpoint."""

from __future__ import annotations

from pathlib import Path

import broker_house
import connector_house
from certified import DOMAIN, make_city
from whole_house import READ, wait_until
from witness_house import policy_text

from exchange.audit.proofs.trust import TrustPolicy
from exchange.broker.settings import WitnessSettings
from exchange.client.city import City
from exchange.client.settings import ClientSettings
from exchange.security import files, keyfiles


def test_a_city_goes_on_as_soon_as_its_witness_is_heard_and_what_it_reads_is_cosigned(tmp_path: Path) -> None:
    witness = tmp_path / "connector" / "state" / "witness"
    files.make_folder(witness)
    policy = policy_text(tmp_path, {"port": keyfiles.create_key(witness / "witness.key")}, 1)
    (tmp_path / "trust.txt").write_text(policy, encoding="utf-8")
    wanted = WitnessSettings(policy=tmp_path / "trust.txt")
    city = make_city(tmp_path / "city")
    with broker_house.open_house(city, tmp_path, witnesses=wanted) as broker:
        address = f"127.0.0.1:{broker.running.port}"
        watch = broker.running._parts.witnesses
        assert watch.alarm
        with connector_house.open_house(tmp_path / "connector", city=city, broker=address) as connector:
            wait_until(lambda: not watch.alarm and connector.connector._reviewer.known)
            settings = ClientSettings(trust_domain=DOMAIN, broker=address, tls=broker.actor("emergency"))
            with City(settings) as client:
                reading = client.read(**READ)
                assert reading.to_arrow().num_rows == connector_house.ROWS
            index = reading.report.audit_index if reading.report else 0

            def covers() -> bool:
                note = watch.cosigned
                return bool(note) and TrustPolicy.parse(policy).check(note).checkpoint.size > index

            wait_until(covers)
            assert not connector.connector._alarms.standing
