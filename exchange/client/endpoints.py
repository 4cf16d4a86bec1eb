"""Where a ticket may be carried (T22): to `host:port` of the dataset's own department, and nowhere else."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from exchange.errors import ConnectorUnavailable, IdentityError
from exchange.wire.asking import Offer

_LOCATION = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9a-fA-F:.]{2,45}\]):(\d{1,5})")
_PORT_MAX = 65535


def choose(offers: Sequence[Offer], department: str, allowed_hosts: Sequence[str] | None) -> str:
    """The gRPC target of the first offer.

    That the connector there is the department's is proven in the handshake: the certificate must carry the
    department's connector name whatever address was dialled. What is refused here never gets as far.

    Args:
        offers: as the broker named them.
        department: the dataset's.
        allowed_hosts: hosts or networks (CIDR); None for any.

    Raises:
        ConnectorUnavailable: no offer.
        IdentityError: another department's endpoint, not `host:port`, or a host that is not allowed.
    """
    if not offers:
        raise ConnectorUnavailable("no connector serves this dataset at the moment", hint="try again later")
    offer = offers[0]
    if offer.department != department:
        raise _refused("the broker named an endpoint of another department")
    match = _LOCATION.fullmatch(offer.location)
    if match is None or not 0 < int(match[2]) <= _PORT_MAX:
        raise _refused("the broker named an endpoint that is not host:port")
    if allowed_hosts is not None and not _allowed(match[1].strip("[]").lower(), allowed_hosts):
        raise _refused(
            "the broker named a connector on a host that `limits.allowed_hosts` does not list",
            hint="if the host is right, add it to the client's configuration",
        )
    # With the scheme spelt out, gRPC cannot take a host called "unix" for a scheme of its own.
    return f"dns:///{offer.location}"


def _refused(text: str, hint: str = "") -> IdentityError:
    return IdentityError(text, reason="endpoint-refused", hint=hint or "tell the city's operator")


def _allowed(host: str, allowed: Sequence[str]) -> bool:
    return any(host == entry.lower() or _within(host, entry) for entry in allowed)


def _within(host: str, entry: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
