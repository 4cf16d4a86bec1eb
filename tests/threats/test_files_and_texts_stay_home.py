"""T55, T61: an operator's errors and files stay with the operator; an answer is short enough to arrive."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from broker_house import fresh_house, received
from connector_house import open_house

from exchange.errors import ConfigError, ExchangeError, PkiError
from exchange.wire.status import HINT, TEXT_BYTES_MAX, abort


class Call:
    """A call that notes what would be answered."""

    def set_trailing_metadata(self, metadata: object) -> None:
        self.metadata = metadata

    def abort(self, code: grpc.StatusCode, text: str) -> None:
        self.code, self.text = code, text
        raise ConnectionAbortedError


@pytest.mark.parametrize("kind", [ConfigError, PkiError])
def test_t55_an_operators_error_does_not_cross_the_wire(kind: type[ExchangeError]) -> None:
    call = Call()
    with pytest.raises(ConnectionAbortedError):
        abort(call, kind("/etc/exchange/roots.pem has expired", hint="chmod 600 /etc/exchange"))  # type: ignore[arg-type]
    assert "/etc" not in f"{call.text} {call.metadata}"
    assert call.code is grpc.StatusCode.INTERNAL
    assert HINT not in dict(call.metadata)


def test_t55_a_broker_whose_roots_are_gone_does_not_say_where_they_were(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        grant = house.ask()
        roots = house.settings.tls.roots
        content = roots.read_bytes()
        roots.unlink()
        try:
            with pytest.raises(ExchangeError) as caught:
                house.submit(house.actor("emergency"), received(grant))
        finally:
            roots.write_bytes(content)
        assert str(tmp_path) not in f"{caught.value} {caught.value.detail}"
        assert house.records("administration", outcome="refused")


def test_t61_a_long_text_is_cut_so_that_the_answer_arrives_at_all() -> None:
    call = Call()
    with pytest.raises(ConnectionAbortedError):
        abort(call, ExchangeError("列" * 4000))  # type: ignore[arg-type]
    assert len(call.text.encode()) <= TEXT_BYTES_MAX + 20


def test_state_is_private_also_in_a_folder_that_is_not(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    with fresh_house(tmp_path) as house:
        house.ask()
        found = [path for path in house.settings.state.rglob("*") if path.is_file()]
        assert found
        assert [path for path in found if path.stat().st_mode & 0o077] == []


def test_a_connectors_state_is_private_also_in_a_folder_that_is_not(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    with open_house(tmp_path) as house:
        found = [path for path in house.settings.state.rglob("*") if path.is_file()]
        assert found
        assert [path for path in found if path.stat().st_mode & 0o077] == []
