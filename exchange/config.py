"""One TOML file into one frozen model; what is wrong is said by file, key and mend."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

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
        content = tomllib.loads(_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(
            f"{path} is not TOML: {str(error).lower()}",
            hint='a line reads `key = "text"`; names that are not plain a-z stand in quotes too',
        ) from None
    try:
        return model.model_validate(content, context={"base": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError(
            f"{path}: {_explain(error, model)}", hint="docs/configuration.md lists every key"
        ) from None


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise ConfigError(f"{path} is a folder", hint="name the .toml file in it")
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path} is no plain file", hint="name a .toml file")
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError(f"{path} is larger than 1 MiB", hint="a configuration file is a page of text")
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist", hint="`exchange init DIR` writes a working city"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    try:
        return content.decode("utf-8-sig")  # some editors put a mark before the first character
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path} is not UTF-8 in line {line}", hint="save it as UTF-8") from None


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "the file"
        match item["type"]:
            case "extra_forbidden":
                lines.append(f"unknown key `{key}`; {_mend(item['loc'], model)}")
            case "missing":
                lines.append(f"key `{key}` is missing")
            case _:
                message = item["msg"].removeprefix("Value error, ")
                lines.append(f"`{key}`: {message[:1].lower()}{message[1:]}")
    return "; ".join(lines)


def _mend(place: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """What to do about an unknown key: the one that was probably meant, if one looks alike."""
    inner: type[BaseModel] | None = model
    for part in place[:-1]:
        if isinstance(part, str) and inner is not None:
            inner = _table(inner, part)
    names = list(inner.model_fields) if inner else []
    close = difflib.get_close_matches(str(place[-1]), names, n=1)
    return f"did you mean `{close[0]}`?" if close else "remove it or mend its spelling"


def _table(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    annotation = model.model_fields[key].annotation if key in model.model_fields else None
    candidates = (annotation, *get_args(annotation))
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)
