"""The base of every noun: frozen, strict, unknown fields refused."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value object: equal by content, hashable, and it refuses what it does not know.

    Refusing unknown fields is a safety property: a ticket with an obligation that this version does not
    know must not parse (T20).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_bytes="base64")
