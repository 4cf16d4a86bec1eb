"""The broker's configuration, `broker.toml`."""

from __future__ import annotations

from pydantic import Field

from exchange.config import Address, FilePath, Settings
from exchange.model.ticket import STREAM_LIFETIME_S_MAX, TICKET_LIFETIME_S_MAX
from exchange.policy.engines.settings import RegoSettings
from exchange.security.credentials import TlsSettings


class Limits(Settings):
    """Lifetimes and sizes; each has a bound, none can be switched off.

    Attributes:
        ticket_ttl_s: a ticket must be admitted within so many seconds.
        stream_ttl_s: a stream is ended so many seconds after its ticket was issued.
        heartbeat_s: how often connectors call; one is silent after three missed calls.
        workers: calls served at once.
        message_bytes_max: a larger message fails its own call and nothing else (T23).
        segment_bytes: a file of the audit log is closed and sealed once it is that long.
    """

    ticket_ttl_s: int = Field(default=60, ge=1, le=TICKET_LIFETIME_S_MAX)
    stream_ttl_s: int = Field(default=3600, ge=1, le=STREAM_LIFETIME_S_MAX)
    heartbeat_s: int = Field(default=5, ge=1, le=60)
    workers: int = Field(default=32, ge=2, le=1024)
    message_bytes_max: int = Field(default=8 << 20, ge=1 << 16, le=64 << 20)
    segment_bytes: int = Field(default=256 << 20, ge=1 << 16, le=4 << 30)


class WitnessSettings(Settings):
    """The `[witnesses]` table.

    Attributes:
        policy: file that names the log's key, its witnesses and their quorum (C2SP tlog-policy); left out, no
            cosignature is asked for, but every connector still compares what it sees.
        round_s: a checkpoint for which no quorum is found is offered for so long, then a newer one.
        alarm_s: an alarm stands when the quorum has been missing for longer.
    """

    policy: FilePath | None = None
    round_s: float = Field(default=10.0, gt=0, le=3600)
    alarm_s: float = Field(default=300.0, gt=0, le=86_400)


class RetentionSettings(Settings):
    """The `[retention]` table: how long the audit log's records stay.

    Attributes:
        keep_days: sealed segments in which every record is older lose their payload; left out, none does.
        archive: folder in which every segment lies, read back, before its payload is removed.
        no_archive: the payload may be lost for good.
        every_s: how often the log is archived and shortened.
    """

    keep_days: int | None = Field(default=None, ge=1, le=36_500)
    archive: FilePath | None = None
    no_archive: bool = False
    every_s: float = Field(default=3600.0, ge=1, le=86_400)


class BrokerSettings(Settings):
    """One broker.

    Attributes:
        trust_domain: of the city; certificates of others are refused.
        listen: where to serve, `host:port`; port 0 takes a free one.
        state: folder of the database and, in `keys/`, of the broker's own keys (0600, made at first start).
        audit: folder of the audit log.
        policies: folder of the initial policy tree; once a revision was published, the state's tree stands.
        operating_state: of the city, one of those its policies declare; conditions may depend on it.
        tls: the broker's certificates.
        limits: lifetimes and sizes.
        rego: where conditions run.
        witnesses: of the audit log.
        retention: how long the audit log's records stay.
    """

    trust_domain: str = Field(min_length=1, max_length=200)
    listen: Address
    state: FilePath
    audit: FilePath
    policies: FilePath
    operating_state: str = "normal"
    tls: TlsSettings
    limits: Limits = Limits()
    rego: RegoSettings = RegoSettings()
    witnesses: WitnessSettings = WitnessSettings()
    retention: RetentionSettings = RetentionSettings()
