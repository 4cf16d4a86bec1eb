"""Options and inputs that the questions to a policy share."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from exchange.errors import ConfigError
from exchange.model.dataset import Column, Dataset
from exchange.policy.bundle import Bundle, load
from exchange.policy.engines.stewards import STEWARDS
from exchange.policy.files.tree import PolicyTree, read_tree
from exchange.policy.questions.assumed import Schemas, written
from exchange.policy.questions.matrix import Asker

Dir = Annotated[Path, typer.Option("--dir", "-d", metavar="DIR", help="The folder that holds city.toml.")]
At = Annotated[str, typer.Option("--at", metavar="TIME", help="ISO 8601 with offset; now if left out.")]
SchemasFile = Annotated[
    Path | None,
    typer.Option(
        "--schemas",
        metavar="FILE",
        help='JSON {"port.flights": {"column": "arrow type"}}; else cases/schemas.yaml, else assumed.',
    ),
]
SomeConfig = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="A steward's configuration, to ask the broker."),
]
POLICIES = Path("policies")
_REVISION = 1


def city(folder: Path) -> tuple[PolicyTree, Bundle]:
    """A policy folder's files and the bundle they make.

    Raises:
        PolicyInvalid: the first fault in it.
    """
    files = read_tree(folder)
    return files, load(files, _REVISION, engine=STEWARDS)


def asker(folder: Path, at: str, schemas: Path | None) -> Asker:
    """Whom to ask, from the options."""
    files, bundle = city(folder)
    return Asker(bundle, Schemas(bundle, known(schemas, files, bundle)), moment(at))


def moment(text: str) -> dt.datetime:
    """The time meant; now for "".

    Raises:
        ConfigError: it is no time, or lacks its offset.
    """
    if not text:
        return dt.datetime.now(dt.UTC)
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ConfigError(f"{text!r} is not a time", hint="write it as 2026-12-31T16:00:00+08:00")
    return found


def known(path: Path | None, files: PolicyTree, bundle: Bundle) -> dict[str, Dataset]:
    """The schemas in the policy tree's `cases/schemas.yaml`, and over them those in the file.

    Raises:
        ConfigError: the file holds no schemas.
        PolicyInvalid: a fault in what the tree holds.
    """
    found = written(files, bundle)
    if path is None:
        return found
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return found | {id_: _dataset(id_, types) for id_, types in content.items()}
    except (OSError, ValueError, AttributeError, ValidationError) as error:
        raise ConfigError(
            f"{path} holds no schemas: {type(error).__name__}",
            hint='write {"port.flights": {"column": "arrow type", ...}, ...}',
        ) from None


def _dataset(id_: str, types: Any) -> Dataset:
    columns = tuple(Column(name=name, type=kind) for name, kind in types.items())
    return Dataset(id=id_, title=id_, columns=columns)
