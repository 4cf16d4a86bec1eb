"""A connector's configuration, `connector.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from exchange.config import Address, FilePath, Settings
from exchange.model.subject import is_department
from exchange.security.credentials import TlsSettings


class SourceSettings(Settings):
    """The `[source]` table: which plug-in, and the options that only it understands and checks."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str

    @property
    def options(self) -> dict[str, Any]:
        """Every key of the table except `kind`."""
        return dict(self.model_extra or {})


class DatasetSettings(Settings):
    """A `[[dataset]]` table.

    Attributes:
        name: the part of the dataset's id after the department.
        title: for people.
        table: what the source calls it.
    """

    name: str
    title: str = Field(min_length=1, max_length=200)
    table: str


class LimitSettings(Settings):
    """The `[limits]` table; every one of them has a value, whatever is left out.

    Attributes:
        streams_max: streams at once.
        streams_per_subject_max: of these, to one consumer (T66).
        batch_rows_max: rows of one batch.
        stall_s: a consumer that takes nothing for so long is cut off (F13).
        drain_s: how long running streams may go on after the connector was told to stop (F22).
    """

    streams_max: int = Field(default=32, ge=1, le=1024)
    streams_per_subject_max: int = Field(default=8, ge=1, le=1024)
    batch_rows_max: int = Field(default=65_536, ge=1, le=1_048_576)
    stall_s: float = Field(default=30, gt=0, le=3600)
    drain_s: float = Field(default=20, ge=0, le=3600)


class WitnessSettings(Settings):
    """The `[witness]` table: every connector compares the audit log with what it saw of it before.

    Attributes:
        every_s: how often.
        log_key: the log's verifier key, `name+id+base64`; left out, the first one that is met is believed.
        overdue_s: an alarm stands when a statement is not proven to be in the log after so long.
    """

    every_s: float = Field(default=3.0, gt=0, le=600)
    log_key: str | None = None
    overdue_s: float = Field(default=600.0, gt=0, le=86_400)


class ConnectorSettings(Settings):
    """One connector process.

    Attributes:
        department: whose data it serves.
        trust_domain: of the city.
        listen: address to serve on; port 0 takes a free one.
        advertise: address consumers dial; None stands for `listen`.
        broker: the broker's address.
        state: folder of the journal and of the pseudonym key.
        tls, source, dataset, limits, witness: tables.
    """

    department: str
    trust_domain: str
    listen: Address
    advertise: Address | None = None
    broker: Address
    state: FilePath
    tls: TlsSettings
    source: SourceSettings
    dataset: tuple[DatasetSettings, ...] = Field(min_length=1)
    limits: LimitSettings = LimitSettings()
    witness: WitnessSettings = WitnessSettings()

    _base: Path = PrivateAttr(default_factory=Path.cwd)

    @property
    def base(self) -> Path:
        """Folder of the configuration file, where a source's relative paths start."""
        return self._base

    @field_validator("department")
    @classmethod
    def _names_a_department(cls, text: str) -> str:
        if not is_department(text):
            raise ValueError('a department is a lower-case DNS label, for example "port"')
        return text

    @model_validator(mode="after")
    def _remember_base(self, info: ValidationInfo) -> ConnectorSettings:
        if info.context and "base" in info.context:
            self._base = info.context["base"]
        return self
