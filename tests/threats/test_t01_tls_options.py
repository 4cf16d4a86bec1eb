"""T1, beside certificates: nothing older than TLS 1.2 is spoken, and a new root ends resumed sessions."""

from __future__ import annotations

import shutil
import socket
import ssl
import time
import warnings
from pathlib import Path

import pytest
from certified import DOMAIN, make_city
from connector_house import open_house

from exchange.model.subject import Kind, server_name
from exchange.security.credentials import TlsSettings


def context(who: TlsSettings) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(who.roots))
    made.load_cert_chain(who.identity_chain, who.identity_key)
    made.set_alpn_protocols(["h2"])
    return made


def connect(
    location: str, made: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[str, ssl.SSLSession | None, bool]:
    """Version, session and whether it was resumed, once the server has spoken."""
    host, port = location.rsplit(":", 1)
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        made.wrap_socket(
            plain, server_hostname=server_name(DOMAIN, "port", Kind.CONNECTOR), session=session
        ) as line,
    ):
        line.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        assert line.recv(1024)
        return str(line.version()), line.session, bool(line.session_reused)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_t01_old_tls_is_not_spoken(tmp_path: Path, version: ssl.TLSVersion) -> None:
    with open_house(tmp_path) as house:
        made = context(house.dispatch())
        made.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            made.minimum_version = made.maximum_version = version
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connect(house.connector.location, made)


def test_t01_todays_tls_is_spoken(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        assert connect(house.connector.location, context(house.dispatch()))[0] == "TLSv1.3"


def test_t01_no_session_outlives_the_roots_it_was_verified_by(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        made = context(house.dispatch())
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        _, session, _ = connect(house.connector.location, made)
        other = make_city(tmp_path / "other").actor(
            "port", Kind.CONNECTOR, hosts=("127.0.0.1",), at_us=time.time_ns() // 1000
        )
        shutil.copy(other.roots, house.settings.tls.roots)
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            connect(house.connector.location, made, session)
