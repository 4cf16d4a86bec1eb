"""`[rego]` of `broker.toml`: where conditions run, and how long a decision may take."""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from exchange.config import FilePath, Settings

OPA_PORT = 8181


class RegoSettings(Settings):
    """Where conditions run.

    Attributes:
        engine: `regorus`, inside the broker's own processes, or `opa`, a server that the city runs.
        isolation: for regorus: `process` runs what departments wrote in worker processes, `none` in the
            broker itself: faster, and a department's rule can then hold up or end the broker.
        timeout_ms: a decision that takes longer is a denial.
        workers: worker processes, or connections to the OPA server; more questions than these wait.
        url: for opa: `https://host:port`, or `http://` on this machine only.
        token_file: for opa: file of the bearer token that the server asks for.
        roots: for opa over https: certificates of the authorities to trust; those of the system if left out.
    """

    engine: Literal["regorus", "opa"] = "regorus"
    isolation: Literal["process", "none"] = "process"
    timeout_ms: int = Field(default=500, ge=10, le=10_000)
    workers: int = Field(default=2, ge=1, le=64)
    url: str = f"http://127.0.0.1:{OPA_PORT}"
    token_file: FilePath | None = None
    roots: FilePath | None = None

    @field_validator("url")
    @classmethod
    def _plain_only_at_home(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            raise ValueError("write it as https://host:port")
        if parts.path.strip("/") or parts.query or parts.fragment or parts.port == 0:
            raise ValueError("write scheme, host and port only")
        if parts.scheme == "http" and not _is_this_machine(parts.hostname):
            raise ValueError("http reaches this machine only; another host needs https")
        return url


def _is_this_machine(host: str) -> bool:
    """Whether the host is a loopback address as text; a name could lead anywhere."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
