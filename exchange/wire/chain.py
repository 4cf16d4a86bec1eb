"""The speaker's certificate chain beside a stream, so that its signed end can be traced to the city's root.

A receipt carries only the leaf of its speaker. A consumer that has nothing but the roots needs the
department's intermediate too; the connector sends its identity chain (PEM, leaf first) in the initial
metadata of DoGet. Whoever reads it proves each link, so a wrong chain can only make verification fail.
"""

from __future__ import annotations

from collections.abc import Iterable

CHAIN = "exchange-chain-bin"
CHAIN_BYTES_MAX = 32 * 1024


def chain_from_metadata(metadata: Iterable[tuple[str, str | bytes]] | None) -> bytes:
    """The PEM chain in a call's initial metadata; b"" where there is none that could be one."""
    values = [value for key, value in metadata or () if key == CHAIN]
    if len(values) != 1 or not isinstance(values[0], bytes) or len(values[0]) > CHAIN_BYTES_MAX:
        return b""
    return values[0]
