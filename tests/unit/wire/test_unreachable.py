"""gRPC's texts about connections that failed, as it writes them, in words for operators."""

from __future__ import annotations

import pytest

from exchange.wire.unreachable import why

ALL = "failed to connect to all addresses; last error: UNKNOWN: "
TLS = "Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:1000007d:SSL routines:"
HOSTNAME = "Custom verification check failed with error: UNAUTHENTICATED: Hostname Verification Check failed."
LOOKUP = "[field:hostname lookup error:address lookup failed for nowhere.invalid:1: Domain name not found]"


@pytest.mark.parametrize(
    ("details", "text"),
    [
        (
            f"{ALL}ipv4:127.0.0.1:7400: Failed to connect to remote host: Connection refused",
            "nothing listens at 127.0.0.1:7400",
        ),
        (
            f"{ALL}ipv6:%5B::1%5D:7400: Failed to connect to remote host: connect: Connection refused (111)",
            "nothing listens at [::1]:7400",
        ),
        (
            f"{ALL}ipv4:127.0.0.1:7400: {HOSTNAME}",
            "127.0.0.1:7400 is another process of the city",
        ),
        (
            f"errors resolving nowhere.invalid:1: {LOOKUP}",
            "the name in nowhere.invalid:1 cannot be resolved",
        ),
        (
            f"{ALL}ipv4:10.0.0.1:1: {TLS}CERTIFICATE_VERIFY_FAILED: unable to get issuer: OK",
            "10.0.0.1:1 belongs to another city",
        ),
        (
            f"{ALL}ipv4:10.0.0.1:1: {TLS}CERTIFICATE_VERIFY_FAILED: certificate has expired: OK",
            "the certificate of 10.0.0.1:1 has expired",
        ),
        (
            f"{ALL}ipv4:10.0.0.1:1: {TLS}WRONG_VERSION_NUMBER: Invalid certificate verification context: OK",
            "10.0.0.1:1 does not speak TLS as the exchange does",
        ),
        (f"{ALL}ipv4:10.0.0.1:1: Socket closed", "10.0.0.1:1 closed the connection"),
    ],
)
def test_a_cause_is_named_with_its_address_and_a_next_step(details: str, text: str) -> None:
    found = why(details)

    assert found is not None
    assert found.text == text
    assert found.hint


def test_what_is_not_recognised_is_left_alone() -> None:
    assert why("the moon is full") is None
