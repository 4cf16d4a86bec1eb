from __future__ import annotations

import stat
from pathlib import Path

import pytest

from exchange.errors import ConfigError
from exchange.security.keyfiles import create_key, load_key, load_public_key, write_public_key
from exchange.security.pki.pem import key_pem, new_key


def test_a_key_comes_back_as_it_was_written_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    key = create_key(tmp_path / "ticket.key")
    assert load_key(tmp_path / "ticket.key").private_bytes_raw() == key.private_bytes_raw()
    assert stat.S_IMODE((tmp_path / "ticket.key").stat().st_mode) == 0o600
    write_public_key(tmp_path / "ticket.pub", key.public_key())
    assert load_public_key(tmp_path / "ticket.pub") == key.public_key()


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    key = create_key(tmp_path / "ticket.key")
    with pytest.raises(ConfigError, match="exists already"):
        create_key(tmp_path / "ticket.key")
    assert load_key(tmp_path / "ticket.key").private_bytes_raw() == key.private_bytes_raw()
    assert [path.name for path in tmp_path.iterdir()] == ["ticket.key"]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    create_key(tmp_path / "ticket.key")
    (tmp_path / "ticket.key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_key(tmp_path / "ticket.key")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ticket.key"
    path.touch(0o600)
    path.write_bytes(key_pem(new_key()))
    with pytest.raises(ConfigError, match="not an Ed25519 key"):
        load_key(path)
    path.write_bytes(b"no key")
    with pytest.raises(ConfigError, match="not a PEM private key"):
        load_key(path)
    with pytest.raises(ConfigError, match="not a PEM public key"):
        load_public_key(path)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        create_key(tmp_path / "nowhere" / "ticket.key")
