"""What this connector shares: its tables as datasets, read from the source as they are now."""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import dataclass

import pyarrow as pa
from pydantic import ValidationError

from exchange.connector.settings import ConnectorSettings, DatasetSettings
from exchange.connector.source import Source
from exchange.errors import ConfigError, RequestInvalid, SourceFailed
from exchange.model.dataset import Column, Dataset, check_dataset_id

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Table:
    """A dataset and the Arrow schema it was described from, read in one go so that they agree."""

    name: str
    dataset: Dataset
    schema: pa.Schema


class Datasets:
    """The configured datasets over the source.

    Raises:
        ConfigError: two of them could be taken for one another, or an id or title is not acceptable.
    """

    def __init__(self, settings: ConnectorSettings, source: Source) -> None:
        self._source = source
        self._by_id: dict[str, DatasetSettings] = {}
        self._lost: frozenset[str] = frozenset()
        seen: dict[str, str] = {}
        for item in settings.dataset:
            dataset_id = _id(settings.department, item)
            folded = unicodedata.normalize("NFKC", dataset_id).casefold()
            if folded in seen:
                raise ConfigError(
                    f"datasets {seen[folded]!r} and {dataset_id!r} are the same or look alike",
                    hint="give each [[dataset]] a name that cannot be taken for another",
                )
            seen[folded] = dataset_id
            self._by_id[dataset_id] = item

    def ids(self) -> tuple[str, ...]:
        """The ids of all datasets, in the configuration's order."""
        return tuple(self._by_id)

    def read(self, dataset_id: str) -> Table | None:
        """The dataset as its source has it now; None if this connector has no such dataset.

        Raises:
            SourceFailed: the source cannot be read, or its columns could be taken for one another (T46).
        """
        item = self._by_id.get(dataset_id)
        if item is None:
            return None
        try:
            return _table(self._source, item, dataset_id)
        except ConfigError as error:
            # While serving, a table that went away is the source's failure, not the operator's typing.
            raise SourceFailed("the dataset cannot be read at the moment", detail=str(error)) from None

    def read_all(self) -> tuple[Dataset, ...]:
        """Every dataset as its source has it now.

        Raises:
            ConfigError: a table is not there, or its columns are not acceptable; the text says which.
            SourceFailed: the source cannot be read at the moment.
        """
        return tuple(_table(self._source, item, key).dataset for key, item in self._by_id.items())

    def readable(self) -> tuple[Dataset, ...]:
        """Every dataset that can be read now; one that cannot does not take the others away with it."""
        found = {key: self._try(key) for key in self._by_id}
        lost = frozenset(key for key, dataset in found.items() if dataset is None)
        if lost != self._lost:
            self._lost = lost
            _log.warning("datasets that cannot be read: %s", ", ".join(sorted(lost)) or "none any more")
        return tuple(dataset for dataset in found.values() if dataset is not None)

    def _try(self, dataset_id: str) -> Dataset | None:
        try:
            table = self.read(dataset_id)
        except SourceFailed as error:
            if dataset_id not in self._lost:
                _log.error("dataset %s: %s (%s)", dataset_id, error.public, error.detail)
            return None
        return table.dataset if table else None


def _id(department: str, item: DatasetSettings) -> str:
    try:
        return check_dataset_id(f"{department}.{item.name}")
    except RequestInvalid:
        raise ConfigError(
            f"[[dataset]] name = {item.name!r} cannot be part of a dataset id",
            hint='letters, digits, "-" and "_", beginning with a letter or digit, at most 64',
        ) from None


def _table(source: Source, item: DatasetSettings, dataset_id: str) -> Table:
    schema = _schema(source, item)
    columns = tuple(
        Column(name=field.name, type=str(field.type), nullable=field.nullable) for field in schema
    )
    try:
        dataset = Dataset(id=dataset_id, title=item.title, columns=columns)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"dataset {dataset_id!r} (table {item.table!r}) cannot be shared: {reason}",
            hint="rename the column at the source",
        ) from None
    return Table(name=item.table, dataset=dataset, schema=schema)


def _schema(source: Source, item: DatasetSettings) -> pa.Schema:
    try:
        return source.schema(item.table).remove_metadata()
    except (ConfigError, SourceFailed):
        raise
    except Exception as error:
        raise SourceFailed("the department's source failed", detail=repr(error)) from error
