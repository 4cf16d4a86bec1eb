"""T2, T3, T4: verification off, a plain-text location, an auth handler: none can even be written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.config import Address, Settings, load
from exchange.errors import ConfigError
from exchange.security.credentials import TlsSettings


class _Server(Settings):
    listen: Address
    tls: TlsSettings


GOOD = """
listen = "127.0.0.1:7400"
[tls]
identity_key = "identity.key"
identity_chain = "identity.pem"
roots = "roots.pem"
"""


def _load(folder: Path, text: str) -> _Server:
    file = folder / "server.toml"
    file.write_text(text)
    return load(file, _Server)


def test_the_configuration_without_such_a_switch_loads(tmp_path: Path) -> None:
    assert _load(tmp_path, GOOD).tls.roots == tmp_path / "roots.pem"


@pytest.mark.parametrize(
    "switch",
    [
        pytest.param("verify_client = false", id="T2"),
        pytest.param("require_client_auth = false", id="T2-by-its-grpc-name"),
        pytest.param("insecure = true", id="T3"),
        pytest.param('auth_handler = "basic"', id="T4"),
    ],
)
def test_a_switch_that_would_weaken_tls_is_an_unknown_key(tmp_path: Path, switch: str) -> None:
    key = switch.split(" ", maxsplit=1)[0]
    with pytest.raises(ConfigError, match=f"unknown key `tls.{key}`"):
        _load(tmp_path, GOOD + switch + "\n")


@pytest.mark.parametrize("scheme", ["grpc://", "grpc+tcp://", "http://", "grpc+tls://"])
def test_t03_a_location_with_a_scheme_is_refused(tmp_path: Path, scheme: str) -> None:
    with pytest.raises(ConfigError, match="listen"):
        _load(tmp_path, GOOD.replace("127.0.0.1", f"{scheme}127.0.0.1"))


@pytest.mark.parametrize("key", ["identity_key", "identity_chain", "roots"])
def test_tls_without_one_of_its_files_does_not_load(tmp_path: Path, key: str) -> None:
    text = "\n".join(line for line in GOOD.splitlines() if not line.startswith(key))
    with pytest.raises(ConfigError, match=key):
        _load(tmp_path, text)
