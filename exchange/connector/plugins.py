"""Finds the source plug-in that a connector's configuration names, and loads that one only."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from exchange.connector.settings import ConnectorSettings
from exchange.connector.source import Source
from exchange.errors import ConfigError

GROUP = "exchange.sources"


def open_source(settings: ConnectorSettings) -> Source:
    """The department's store, opened.

    Raises:
        ConfigError: no plug-in is of that kind, it cannot be loaded, or its options are wrong.
    """
    found = _find(settings.source.kind)
    try:
        factory = found.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the source plug-in {found.name!r} ({found.value}) cannot be loaded: {error}",
            hint="install the package it comes from, or mend its entry point",
        ) from None
    source: Source = factory(settings.source.options, settings.base)
    return source


def _find(kind: str) -> EntryPoint:
    available = {point.name: point for point in entry_points(group=GROUP)}
    if kind not in available:
        known = ", ".join(sorted(available)) or "none is installed"
        raise ConfigError(f"[source] kind = {kind!r} is not a kind of source", hint=f"there are: {known}")
    return available[kind]
