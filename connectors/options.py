"""How every plug-in reads the `[source]` table of a connector's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from exchange.errors import ConfigError


class Options(BaseModel):
    """Base of every plug-in's options: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineLimits(Options):
    """What DuckDB may use of the machine.

    Attributes:
        threads: of all scans together.
        memory_limit: of all scans together, for example "512MB".
        temp_dir: where it may spill; relative to the configuration file. None: it does not spill.
    """

    threads: int = Field(default=2, ge=1, le=256)
    memory_limit: str = Field(default="512MB", pattern=r"^[1-9][0-9]{0,6} ?(MB|MiB|GB|GiB)$")
    temp_dir: str | None = None


OptionsT = TypeVar("OptionsT", bound=Options)


def read(model: type[OptionsT], options: Mapping[str, Any], kind: str) -> OptionsT:
    """The options as the plug-in knows them.

    Raises:
        ConfigError: an option is missing, unknown or wrong.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        found = "; ".join(_explain(item) for item in error.errors())
        raise ConfigError(
            f"[source] of kind {kind!r}: {found}", hint="docs/configuration.md lists every key"
        ) from None


def _explain(item: Any) -> str:
    key = ".".join(str(part) for part in item["loc"])
    match item["type"]:
        case "missing":
            return f"option `{key}` is missing"
        case "extra_forbidden":
            return f"unknown option `{key}`; remove it or mend its spelling"
        case _:
            return f"option `{key}`: {str(item['msg']).lower()}"


def existing(base: Path, given: str, what: str) -> Path:
    """The real path of a file or folder that an option names.

    Raises:
        ConfigError: it does not exist or cannot be reached.
    """
    try:
        return (base / given).resolve(strict=True)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{what} {given!r} cannot be reached from {base}: {error}") from None
