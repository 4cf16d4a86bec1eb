"""The broker's keys: made once, private, and several ticket keys during a rotation (F18)."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.broker.keys import open_keys
from exchange.errors import ConfigError
from exchange.security.keyfiles import create_key


def test_keys_are_made_at_first_start_and_kept(tmp_path: Path) -> None:
    first, second = open_keys(tmp_path / "keys"), open_keys(tmp_path / "keys")
    assert first.signer.key_id == second.signer.key_id
    assert first.audit.private_bytes_raw() == second.audit.private_bytes_raw()
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()}
    assert modes == {0o600}


def test_f18_newest_ticket_key_signs_and_all_are_accepted(tmp_path: Path) -> None:
    old = open_keys(tmp_path)
    create_key(tmp_path / "ticket-2.key")
    create_key(tmp_path / "ticket-10.key")
    new = open_keys(tmp_path)
    assert old.signer.key_id in new.ticket_keys
    assert len(new.ticket_keys) == 3
    (tmp_path / "ticket-10.key").unlink()
    assert open_keys(tmp_path).signer.key_id != new.signer.key_id


def test_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    open_keys(tmp_path)
    (tmp_path / "audit.key").chmod(0o644)
    with pytest.raises(ConfigError, match="others can read it"):
        open_keys(tmp_path)


def test_ticket_key_whose_name_tells_no_order_is_refused(tmp_path: Path) -> None:
    create_key(tmp_path / "ticket-new.key")
    with pytest.raises(ConfigError, match="no ticket key's name"):
        open_keys(tmp_path)
