"""docs/configuration.md names every key there is, and its default as it is."""

from __future__ import annotations

import re
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from connectors.auditlog.source import AuditlogOptions
from connectors.duckdb.source import DuckdbOptions
from connectors.files.options import FilesOptions
from connectors.sqlite.source import SqliteOptions
from exchange.broker.settings import BrokerSettings
from exchange.client.settings import ClientSettings
from exchange.connector.settings import ConnectorSettings
from exchange.security.credentials import TlsSettings

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
MODELS: dict[str, type[BaseModel]] = {
    "Client: `emergency.toml`": ClientSettings,
    "Connector: `connector.toml`": ConnectorSettings,
    "Broker: `broker.toml`": BrokerSettings,
    "`[source]` of kind `files`": FilesOptions,
    "`[source]` of kind `sqlite`": SqliteOptions,
    "`[source]` of kind `duckdb`": DuckdbOptions,
    "`[source]` of kind `auditlog`": AuditlogOptions,
}


def documented(heading: str) -> dict[str, str]:
    """Key -> default, as the section's table says."""
    section = re.split(r"^#{2,3} ", PAGE.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|", section, flags=re.MULTILINE))


def keys(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Key -> field, tables within tables included; `[tls]` has a section of its own."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if field.annotation is TlsSettings and model is not TlsSettings:
            continue
        table = nested(field.annotation)
        if table is None or is_many(field.annotation):
            found[prefix + name] = field
        if table is not None:
            found |= keys(table, f"{prefix}{name}.")
    return found


def nested(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := nested(each)) is not None), None)


def is_many(annotation: Any) -> bool:
    return get_origin(annotation) not in {None, Union, UnionType}


@pytest.mark.parametrize("heading", MODELS)
def test_every_key_is_documented_and_no_other(heading: str) -> None:
    assert sorted(documented(heading)) == sorted(keys(MODELS[heading]))


def test_every_tls_key_is_documented_and_no_other() -> None:
    assert sorted(documented("The `[tls]` table, the same everywhere")) == sorted(keys(TlsSettings, "tls."))


@pytest.mark.parametrize("heading", MODELS)
def test_what_is_required_and_what_is_the_default_is_told_as_it_is(heading: str) -> None:
    told = documented(heading)

    for key, field in keys(MODELS[heading]).items():
        default = told[key].strip("`")
        assert (default == "required") == field.is_required(), key
        value = None if field.is_required() else field.get_default(call_default_factory=True)
        if isinstance(value, bool):
            assert default == str(value).lower(), key
        elif isinstance(value, int | float):
            assert float(default) == value, key
        elif isinstance(value, str):
            assert default == value, key
        elif value is None:
            assert default in {"required", "none", "listen", "by suffix"}, key
