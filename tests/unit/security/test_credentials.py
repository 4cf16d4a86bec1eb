from __future__ import annotations

from pathlib import Path

import certified
import pytest

from exchange.errors import ConfigError
from exchange.model.subject import Kind
from exchange.security import credentials
from exchange.security.credentials import TlsSettings, load_identity, load_listener, load_roots

NOW = certified.now_us()


@pytest.fixture
def mine(tmp_path: Path) -> TlsSettings:
    return certified.make_city(tmp_path).actor("port", Kind.CONNECTOR, at_us=NOW)


def _refusal(settings: TlsSettings, now_us: int = NOW) -> str:
    with pytest.raises(ConfigError) as refusal:
        load_identity(settings, now_us)
    return str(refusal.value)


def test_good_files_load_and_know_when_they_end(mine: TlsSettings) -> None:
    identity = load_identity(mine, NOW)
    assert identity.not_after_us == NOW // 1_000_000 * 1_000_000 + 5 * certified.DAY_US
    assert len(identity.chain) == 2
    assert load_listener(mine, NOW).key_pem != identity.key_pem
    assert len(load_roots(mine.roots, NOW)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_that_others_can_reach_is_refused_with_its_mend(mine: TlsSettings, mode: int) -> None:
    mine.identity_key.chmod(mode)
    assert f"chmod 600 {mine.identity_key}" in _refusal(mine)


def test_an_even_stricter_mode_is_fine(mine: TlsSettings) -> None:
    mine.identity_key.chmod(0o400)
    load_identity(mine, NOW)


@pytest.mark.parametrize("name", ["identity_key", "identity_chain"])
def test_a_missing_file_is_named(mine: TlsSettings, name: str) -> None:
    path: Path = getattr(mine, name)
    path.unlink()
    assert f"{path} does not exist" in _refusal(mine)


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xfe", "证书".encode()])
@pytest.mark.parametrize("name", ["identity_key", "identity_chain"])
def test_a_file_that_is_not_pem_is_named(mine: TlsSettings, name: str, content: bytes) -> None:
    path: Path = getattr(mine, name)
    path.write_bytes(content)
    assert f"{path} is not a PEM" in _refusal(mine)


def test_a_folder_or_a_huge_file_is_no_certificate(mine: TlsSettings, tmp_path: Path) -> None:
    assert "is a directory" in _refusal(mine.model_copy(update={"identity_chain": tmp_path}))
    mine.identity_chain.write_bytes(b"x" * (1 << 20) + b"x")
    assert "larger than 1 MiB" in _refusal(mine)


def test_another_s_key_is_refused(mine: TlsSettings) -> None:
    assert mine.listener_key is not None
    mine.identity_key.write_bytes(mine.listener_key.read_bytes())
    assert "is not the key of the certificate" in _refusal(mine)


def test_a_reader_between_the_two_renames_of_a_renewal_looks_again(
    mine: TlsSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mine.listener_key is not None
    good = mine.identity_key.read_bytes()
    mine.identity_key.write_bytes(mine.listener_key.read_bytes())
    monkeypatch.setattr(credentials.time, "sleep", lambda _: mine.identity_key.write_bytes(good))
    assert load_identity(mine, NOW).key_pem == good


def test_an_expired_certificate_says_when_and_how_to_renew(mine: TlsSettings) -> None:
    text = _refusal(mine, NOW + 6 * certified.DAY_US)
    assert "expired at 20" in text
    assert "exchange pki renew" in text


def test_a_clock_that_is_behind_is_told_to_check_itself(mine: TlsSettings) -> None:
    text = _refusal(mine, NOW - 10 * 60 * 1_000_000)
    assert "valid only from 20" in text
    assert "check the clock" in text


def test_clocks_a_few_minutes_apart_are_forgiven(mine: TlsSettings) -> None:
    load_identity(mine, NOW - 4 * 60 * 1_000_000)


def test_a_chain_in_the_wrong_order_is_refused(mine: TlsSettings) -> None:
    marker = b"-----BEGIN CERTIFICATE-----"
    leaf, intermediate = mine.identity_chain.read_bytes().split(marker)[1:]
    mine.identity_chain.write_bytes(marker + intermediate + marker + leaf)
    assert "put the leaf first" in _refusal(mine)
    mine.identity_chain.write_bytes(marker + leaf + marker + leaf)
    assert "put the leaf first" in _refusal(mine)


def test_a_listener_s_certificate_is_no_identity(mine: TlsSettings) -> None:
    swapped = {"identity_key": mine.listener_key, "identity_chain": mine.listener_chain}
    assert "must carry one name" in _refusal(mine.model_copy(update=swapped))


def test_a_client_s_settings_make_no_server(mine: TlsSettings) -> None:
    with pytest.raises(ConfigError, match="listener_key"):
        load_listener(mine.model_copy(update={"listener_key": None}), NOW)


def test_roots_hold_authorities_and_at_least_one_that_is_valid(mine: TlsSettings) -> None:
    with pytest.raises(ConfigError, match="no authority"):
        load_roots(mine.identity_chain, NOW)
    with pytest.raises(ConfigError, match="expired"):
        load_roots(mine.roots, NOW + 3700 * certified.DAY_US)
