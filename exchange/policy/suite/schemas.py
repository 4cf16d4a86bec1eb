"""`cases/schemas.yaml`: what the connectors register, as a steward writes it down to test without them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from exchange.model.dataset import Column, Dataset, Family, family
from exchange.policy.files.classification import Classified
from exchange.policy.files.grants import own
from exchange.policy.files.source import Place, refused
from exchange.policy.suite.source import YamlSource

SCHEMAS_FILE = "cases/schemas.yaml"
_WORDS = {
    "text": "string",
    "integer": "int64",
    "number": "double",
    "boolean": "bool",
    "bytes": "binary",
    "date": "date32[day]",
    "timestamp": "timestamp[us, tz=UTC]",
}

_LIST = re.compile(r"(?:large_)?list<\w+: (.+)>")


def parse_schemas(
    file: str, content: bytes, *, department: str, datasets: Mapping[str, Classified]
) -> dict[str, Dataset]:
    """A department's schemas, by dataset.

    Raises:
        PolicyInvalid: another's or an unclassified dataset, an unknown type, or a classified column without
            one; columns that are not classified may stand there, as they may at the source.
    """
    source = YamlSource(file, content)
    if not isinstance(source.content, dict):
        raise refused(Place(file, 1), "no dataset stands there", "write dataset, and below it column: type")
    found = {}
    for id_, columns in source.content.items():
        place = source.place((id_,))
        own(id_, department, place)
        if id_ not in datasets:
            raise refused(place, f"unknown dataset {id_!r}", "describe it in datasets.toml")
        if not isinstance(columns, dict):
            raise refused(place, f"{id_} has no columns", "write column: type below it")
        found[id_] = _dataset(source, datasets[id_], columns)
    return found


def _is_type(text: str) -> bool:
    """Whether it is a plain Arrow type, or lists of one; a slip of the pen is neither."""
    while inner := _LIST.fullmatch(text):
        text = inner[1]
    return family(text) is not Family.OTHER


def _dataset(source: YamlSource, classified: Classified, types: Mapping[str, object]) -> Dataset:
    id_ = classified.id
    for name in classified.facts.columns:
        if name not in types:
            raise refused(
                source.place((id_,)),
                f"column {name!r} of {id_} has no type",
                f"add {name}: {' | '.join(_WORDS)}",
            )
    columns = []
    for name, written in types.items():
        type_ = _WORDS.get(str(written), str(written))
        if not isinstance(written, str) or not _is_type(type_):
            raise refused(
                source.place((id_, name)),
                f"{written!r} is not a type",
                f"write {', '.join(_WORDS)}, or the Arrow type that the connector registers",
            )
        columns.append(Column(name=name, type=type_))
    try:
        return Dataset(id=id_, title=classified.facts.title, columns=tuple(columns))
    except ValueError as error:
        message = str(error).split("\n")[2].strip() if "\n" in str(error) else str(error)
        raise refused(source.place((id_,)), message, "mend the columns") from None
