"""The exchange: departments of a city share data without giving it up.

    import exchange
    with exchange.connect("emergency.toml") as city:
        flights = city.read("port.flights", purpose="emergency-response", columns=["origin", "dest"])
        for batch in flights: ...

What is listed in `__all__` is public and stays; everything else may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.errors import (
    AccessRefused,
    ColumnUnknown,
    ConfigError,
    ConnectorUnavailable,
    ExchangeError,
    IdentityError,
    LimitReached,
    PredicateInvalid,
    RequestInvalid,
    SourceFailed,
    StreamBroken,
    StreamMismatch,
    TicketRefused,
    Unavailable,
)

if TYPE_CHECKING:
    from pathlib import Path

    from exchange.client.city import City

__all__ = [
    "AccessRefused",
    "ColumnUnknown",
    "ConfigError",
    "ConnectorUnavailable",
    "ExchangeError",
    "IdentityError",
    "LimitReached",
    "PredicateInvalid",
    "RequestInvalid",
    "SourceFailed",
    "StreamBroken",
    "StreamMismatch",
    "TicketRefused",
    "Unavailable",
    "connect",
]


def connect(config: str | Path) -> City:
    """The city as the system sees it whose configuration file this is; see `exchange.client.city.City`.

    Raises:
        ConfigError: the configuration, a key or a certificate is wrong; the text names the file and the mend.
    """
    from exchange.client import city  # noqa: PLC0415 - keeps `import exchange` light

    return city.connect(config)
