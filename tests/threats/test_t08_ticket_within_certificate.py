"""T8: a ticket never outlives the certificate it was given to, and a warm channel does not either."""

from __future__ import annotations

from pathlib import Path

import pytest
from broker_house import fresh_house

from exchange.errors import IdentityError
from exchange.security.credentials import load_identity


def test_t08_ticket_and_stream_end_with_the_certificate(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        who = house.actor("emergency")
        not_after_s = load_identity(who, house.clock.now_us()).not_after_us // 1_000_000
        house.dispatch()
        house.clock.offset_s = not_after_s - 10 - house.clock.now_us() // 1_000_000
        ticket = house.ticket(house.ask())
        assert ticket.expires_at == ticket.stream_until == not_after_s


def test_t08_warm_channel_is_refused_and_recorded_after_the_certificate_expired(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        house.ask()
        house.clock.offset_s += 6 * 24 * 3600
        with pytest.raises(IdentityError) as caught:
            house.ask()
        (record,) = house.records("administration", id=caught.value.id)
        assert (record["outcome"], record["reason"], record["subject"]) == (
            "refused",
            "identity-refused",
            "",
        )
        assert house.tickets_issued() == 1
