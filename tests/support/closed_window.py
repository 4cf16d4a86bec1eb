"""A caller over bare HTTP/2 who leaves no room for a single byte of an answer (RFC 9113, section 6.9.2)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from exchange.security.credentials import TlsSettings

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _END_HEADERS = 1, 4
_INITIAL_WINDOW_SIZE = 4


@contextmanager
def closed_window(who: TlsSettings, port: int, method: str, message: bytes, count: int) -> Iterator[None]:
    """So many calls on one connection, each whole, none of which takes its answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(who.identity_chain, who.identity_key)
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="broker") as line,
    ):
        nothing = _INITIAL_WINDOW_SIZE.to_bytes(2, "big") + bytes(4)
        line.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, nothing))
        for number in range(count):
            stream = 2 * number + 1
            line.sendall(_frame(_HEADERS, _END_HEADERS, stream, _headers(method)))
            body = b"\0" + len(message).to_bytes(4, "big") + message
            line.sendall(_frame(_DATA, _END_STREAM, stream, body))
        yield


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _headers(method: str) -> bytes:
    fields = {
        ":method": "POST",
        ":scheme": "https",
        ":path": method,
        ":authority": "broker",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    # HPACK: literal, not indexed, not compressed; each text is shorter than 127 bytes
    return b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in fields.items()
    )
