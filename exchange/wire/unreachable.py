"""Why no connection came about: gRPC's own account, which is for its authors, in words for operators.

gRPC has no codes for these causes, only text; what is not recognised here stays a plain "unavailable".
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote


class Why(NamedTuple):
    """What is in the way, and what to do next."""

    text: str
    hint: str


_ADDRESS = re.compile(r"\bipv[46]:(\S+?): ")
_LOOKUP = re.compile(r"lookup failed for (\S+?):? |errors resolving (\S+?): |resolution failed for (\S+?):? ")

_CAUSES: tuple[tuple[str, Why], ...] = (
    (
        "Connection refused",
        Why("nothing listens at {at}", "start it, or compare this address with its `listen`"),
    ),
    (
        "certificate has expired",
        Why("the certificate of {at} has expired", "its operator renews it: exchange pki renew"),
    ),
    (
        "certificate is not yet valid",
        Why("the certificate of {at} is not valid yet", "check the clocks of both machines"),
    ),
    (
        "CERTIFICATE_VERIFY_FAILED",
        Why("{at} belongs to another city", "compare the address and `roots` in your configuration"),
    ),
    (
        "Hostname Verification",
        Why("{at} is another process of the city", "compare this address with the other side's `listen`"),
    ),
    (
        "handshake failed",
        Why("{at} does not speak TLS as the exchange does", "compare this address with its `listen`"),
    ),
    (
        "Socket closed",
        Why(
            "{at} closed the connection",
            "it may not know your certificate, or have stopped; `exchange pki show FILE` tells whose it is",
        ),
    ),
    ("timed out", Why("{at} does not answer", "check the address, the network and what may filter it")),
    ("unreachable", Why("{at} cannot be reached", "check the address and the network")),
    ("No route to host", Why("{at} cannot be reached", "check the address and the network")),
)


def why(details: str) -> Why | None:
    """The cause of a failed connection from gRPC's text of it; None if it is none that we know."""
    if found := _LOOKUP.search(details):
        name = next(filter(None, found.groups()))
        return Why(
            f"the name in {name} cannot be resolved", "check its spelling, and that this machine has DNS"
        )
    address = _ADDRESS.search(details)
    at = unquote(address[1]) if address else "the other side"
    return next(
        (
            Why(known.text.format(at=at), known.hint)
            for mark, known in _CAUSES
            if mark.lower() in details.lower()
        ),
        None,
    )
