"""Whom an auditor trusts: `--key` for the log alone, `--trust` for a policy with witnesses and a quorum."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exchange.audit.proofs.trust import TrustPolicy
from exchange.cli.audit.options import public_key, read_bytes
from exchange.errors import ConfigError

MaybeKey = Annotated[
    str, typer.Option("--key", metavar="FILE|TEXT", help="The log's public key: name+id+base64.")
]
Trust = Annotated[
    Path | None,
    typer.Option(
        "--trust", metavar="FILE", help="A trust policy: log, witnesses, quorum (C2SP tlog-policy)."
    ),
]


def trust_policy(key: str, policy: Path | None) -> TrustPolicy:
    """The policy that one of the two options gives.

    Raises:
        ConfigError: neither or both are given, or what is given cannot be read.
    """
    if bool(key) == (policy is not None):
        raise ConfigError(
            "give either --key or --trust",
            hint="--key FILE for the log's own signature, --trust FILE to ask for witnesses too",
        )
    if policy is None:
        return TrustPolicy.of_key(public_key(key))
    return TrustPolicy.parse(read_bytes(policy))
