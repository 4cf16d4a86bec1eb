"""A server takes up renewed certificates at the next connection; bad ones leave the old ones serving."""

from __future__ import annotations

import logging
import socket
import ssl
from pathlib import Path

import certified
import pytest
from cryptography import x509

from exchange.errors import ConfigError
from exchange.model.subject import Kind, server_name
from exchange.security.credentials import TlsSettings
from exchange.security.pki.enrolment import renew
from exchange.security.tls import channel, server_credentials


def _shown(port: int, client: TlsSettings) -> int:
    """The serial number of the certificate that the server shows now."""
    context = ssl.create_default_context(cafile=str(client.roots))
    context.load_cert_chain(str(client.identity_chain), str(client.identity_key))
    name = server_name(certified.DOMAIN, "port", Kind.CONNECTOR)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=name) as link,
    ):
        der = link.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der).serial_number


def _serial(path: Path | None) -> int:
    assert path is not None
    return x509.load_pem_x509_certificates(path.read_bytes())[0].serial_number


def test_renewed_files_are_served_without_a_restart_and_without_breaking_open_channels(
    tmp_path: Path,
) -> None:
    city = certified.make_city(tmp_path)
    mine, client = city.actor("port", Kind.CONNECTOR), city.actor("press")
    with (
        certified.who_server(mine) as port,
        channel(f"127.0.0.1:{port}", client, "port", Kind.CONNECTOR, certified.DOMAIN) as warm,
    ):
        call = warm.unary_unary(certified.WHO)
        before = _shown(port, client)
        assert before == _serial(mine.listener_chain)
        assert call(b"", timeout=10)
        renew(city.store, mine.identity_key.parent, certified.now_us())
        assert _shown(port, client) == _serial(mine.listener_chain) != before
        assert call(b"", timeout=10)


def test_bad_new_files_leave_the_old_ones_serving_and_are_complained_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    city = certified.make_city(tmp_path)
    mine, client = city.actor("port", Kind.CONNECTOR), city.actor("press")
    assert mine.listener_key is not None
    good = mine.listener_key.read_bytes()
    with certified.who_server(mine) as port, caplog.at_level(logging.ERROR):
        before = _shown(port, client)
        mine.listener_key.write_bytes(b"half a k")
        assert [_shown(port, client), _shown(port, client)] == [before, before]
        complaints = [record for record in caplog.records if "old ones keep serving" in record.getMessage()]
        assert len(complaints) == 1
        mine.listener_key.write_bytes(good)
        assert _shown(port, client) == before


def test_a_server_does_not_start_on_bad_files(tmp_path: Path) -> None:
    mine = certified.make_city(tmp_path).actor("port", Kind.CONNECTOR)
    assert mine.listener_key is not None
    mine.listener_key.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        server_credentials(mine)


def test_a_client_does_not_start_on_bad_files(tmp_path: Path) -> None:
    mine = certified.make_city(tmp_path).actor("press")
    mine.identity_key.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        channel("127.0.0.1:1", mine, "port", Kind.CONNECTOR, certified.DOMAIN)
