"""A client's configuration, for example `emergency.toml`."""

from __future__ import annotations

from pydantic import Field

from exchange.config import Address, FilePath, Settings
from exchange.model.dataset import COLUMNS_MAX
from exchange.security.credentials import TlsSettings


class Limits(Settings):
    """What a client accepts from a connector it does not trust (T65); none can be switched off.

    Attributes:
        batch_bytes_max: the largest message of a stream.
        batch_rows_max: rows of one batch.
        columns_max: columns of a stream.
        empty_batches_max: batches without rows in a row.
        rows_max: rows of one read, whatever was asked; left out for no limit besides the request's own.
        ask_s: seconds the broker may take to answer.
        stream_s: seconds a read may take as a whole.
        allowed_hosts: hosts or networks (CIDR) where connectors may stand; left out for any host. Whatever
            the host, the connector must prove its department.
    """

    batch_bytes_max: int = Field(default=32 << 20, ge=1 << 16, le=1 << 30)
    batch_rows_max: int = Field(default=1 << 20, ge=1, le=1 << 24)
    columns_max: int = Field(default=COLUMNS_MAX, ge=1, le=COLUMNS_MAX)
    empty_batches_max: int = Field(default=64, ge=0, le=10_000)
    rows_max: int | None = Field(default=None, ge=1, le=2**53)
    ask_s: float = Field(default=10.0, gt=0, le=300)
    stream_s: float = Field(default=3600.0, gt=0, le=6 * 3600)
    allowed_hosts: tuple[str, ...] | None = Field(default=None, max_length=1000)


class ClientSettings(Settings):
    """One consuming system, steward or auditor.

    Attributes:
        trust_domain: of the city.
        broker: `host:port`.
        state: folder where receipts wait that the broker could not take, and where the client remembers what
            it saw of the audit log; left out, receipts are only logged and the memory ends with the process.
        log_key: the audit log's verifier key, `name+id+base64`; left out, the first one met is believed.
        tls: the client's certificate.
        limits: what it accepts from connectors.
    """

    trust_domain: str = Field(min_length=1, max_length=200)
    broker: Address
    state: FilePath | None = None
    log_key: str | None = None
    tls: TlsSettings
    limits: Limits = Limits()
