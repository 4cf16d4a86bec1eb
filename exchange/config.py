"""One TOML file into one frozen model; what is wrong is said by file, key and mend."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo

from exchange.errors import ConfigError

FILE_BYTES_MAX = 1 << 20


class Settings(BaseModel):
    """Base of every configuration: frozen, and a key it does not know is an error, not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


ModelT = TypeVar("ModelT", bound=Settings)


def _resolve(value: Path, info: ValidationInfo) -> Path:
    base = (info.context or {}).get("base", Path.cwd())
    return value if value.is_absolute() else base / value


FilePath = Annotated[Path, AfterValidator(_resolve)]
"""A path in a configuration; a relative one starts at the configuration file's folder."""


def _address(value: Any) -> Any:
    host, colon, port = str(value).rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65535:  # noqa: PLR2004
        raise ValueError('write it as "host:port", for example "127.0.0.1:7400"')
    if "/" in host:
        raise ValueError("write host and port only; there is no plain-text transport to choose")
    return value


Address = Annotated[str, BeforeValidator(_address)]
"""`host:port`. There is no scheme to write, so there is no plain-text one to choose (T3)."""


def load(path: Path, model: type[ModelT]) -> ModelT:
    """The configuration in the file.

    Raises:
        ConfigError: the file is missing, not TOML, has an unknown key, lacks one, or holds a wrong value.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError(f"{path} is larger than 1 MiB", hint="a configuration file is a page of text")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist", hint="`exchange init DIR` writes a working city"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {str(error).lower()}") from None
    try:
        return model.model_validate(content, context={"base": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError(
            f"{path}: {_explain(error)}", hint="docs/configuration.md lists every key"
        ) from None


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "the file"
        match item["type"]:
            case "extra_forbidden":
                lines.append(f"unknown key `{key}`; remove it or mend its spelling")
            case "missing":
                lines.append(f"key `{key}` is missing")
            case _:
                lines.append(f"`{key}`: {item['msg'].lower()}")
    return "; ".join(lines)
