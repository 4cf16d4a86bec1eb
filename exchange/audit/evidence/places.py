"""Where in the log the records are that evidence needs: asked of the index, or read from the log itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exchange.audit.index.lines import bodies, runs
from exchange.audit.records.entry import parse_canonical
from exchange.audit.storage.layout import Layout
from exchange.errors import ConfigError

_MARKS = (b'"kind":"publication"', b'"kind":"certificate"')


@dataclass
class Places:
    """Indices of records; hints, nothing more: what is found there is judged by what it says itself.

    Attributes:
        access: of the access asked for, ascending.
        publications: policy revision -> the publication that brought it into force.
        signers: fingerprint of a certificate -> the record that holds it.
        authorities: records that hold an authority's certificate.
    """

    access: list[int] = field(default_factory=list)
    publications: dict[int, int] = field(default_factory=dict)
    signers: dict[str, int] = field(default_factory=dict)
    authorities: list[int] = field(default_factory=list)


def places_in_index(index: Path, access: str) -> Places:
    """From an index that was brought up to its log.

    Args:
        index: its folder.
        access: access id; "" for none.

    Raises:
        ConfigError: the index cannot be read.
    """
    import duckdb  # noqa: PLC0415 - scanning does without it

    from exchange.audit.index.reading import opened  # noqa: PLC0415

    found = Places()
    try:
        with opened(index) as records:
            if access:
                ask = 'SELECT "index" FROM records WHERE id = ? ORDER BY 1'
                found.access = [row[0] for row in records.execute(ask, [access]).fetchall()]
            ask = (
                'SELECT "index", kind, revision, outcome, role, certificate FROM records '
                "WHERE kind IN ('publication', 'certificate') ORDER BY 1"
            )
            names = ("index", "kind", "revision", "outcome", "role", "certificate")
            for row in records.execute(ask).fetchall():
                _note(found, dict(zip(names, row, strict=True)))
    except duckdb.Error as error:
        raise ConfigError(f"the index in {index} cannot be read: {error}") from None
    return found


def places_in_log(log: Path, access: str) -> Places:
    """From the log itself, read from end to end: slow, and right whatever an index says.

    Args:
        log: its folder.
        access: access id; "" for none.

    Raises:
        ConfigError: there is no log, or it cannot be read.
        LogCorrupt: its framing is damaged.
    """
    found = Places()
    wanted = (*_MARKS, f'"id":"{access}"'.encode()) if access else _MARKS
    try:
        for fields in _records_with(Layout(log), wanted):
            if access and fields.get("id") == access:
                found.access.append(int(fields["index"]))
            _note(found, fields)
    except OSError as error:
        raise ConfigError(f"the log cannot be read: {error}") from None
    return found


def _records_with(layout: Layout, wanted: tuple[bytes, ...]) -> Iterator[dict[str, Any]]:
    """Inside a text quotes are escaped, so a line without the words cannot be one that is wanted."""
    for run in runs(layout):
        for body in bodies(run, run.first):
            for place, line in enumerate(body.lines, body.first):
                if any(mark in line for mark in wanted):
                    try:
                        yield parse_canonical(line) | {"index": place}
                    except (ValueError, RecursionError):
                        continue


def _note(found: Places, fields: dict[str, Any]) -> None:
    index, kind, revision = int(fields["index"]), fields.get("kind"), fields.get("revision")
    if kind == "publication" and fields.get("outcome") == "published":
        if type(revision) is int:
            found.publications.setdefault(revision, index)
    elif kind == "certificate":
        found.signers.setdefault(str(fields.get("certificate")), index)
        if fields.get("role") == "authority":
            found.authorities.append(index)
