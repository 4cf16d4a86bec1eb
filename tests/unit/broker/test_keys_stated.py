"""At each start the log says which keys the broker works with."""

from __future__ import annotations

from broker_house import House

from exchange.audit.proofs.note import VerifierKey


def test_every_key_and_certificate_is_stated_at_each_start(house: House) -> None:
    house.restart()
    stated = house.records("key")
    once = stated[: len(stated) // 2]
    assert [(one["role"], one["outcome"]) for one in once] == [
        ("audit", "signing"),
        ("ticket", "signing"),
        ("identity", "signing"),
        ("listener", "signing"),
    ]
    assert [one["target"] for one in stated[len(once) :]] == [one["target"] for one in once]
    audit, ticket, identity, listener = once
    parts = house.running._parts
    assert VerifierKey.parse(str(audit["target"])).name == "zhongshui.example/audit"
    assert ticket["target"] == parts.keys.signer.key_id
    assert identity["certificate"] != listener["certificate"]
    assert all(str(one["expires"]) > str(one["time"]) for one in (identity, listener))
