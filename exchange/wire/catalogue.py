"""Datasets and registrations: model to message and back."""

from __future__ import annotations

from pydantic import ValidationError

from exchange.errors import RequestInvalid
from exchange.model.dataset import Column, Dataset, check_dataset_id
from exchange.v1 import catalogue_pb2 as pb


def columns_to_wire(columns: tuple[Column, ...]) -> list[pb.Column]:
    """Columns as messages."""
    return [pb.Column(name=column.name, type=column.type, nullable=column.nullable) for column in columns]


def columns_from_wire(columns: object) -> tuple[Column, ...]:
    """Messages as columns."""
    return tuple(
        Column(name=column.name, type=column.type, nullable=column.nullable)
        for column in columns  # type: ignore[attr-defined]
    )


def dataset_to_wire(dataset: Dataset) -> pb.Dataset:
    """A dataset as a connector declares it."""
    return pb.Dataset(id=dataset.id, title=dataset.title, columns=columns_to_wire(dataset.columns))


def dataset_from_wire(message: pb.Dataset) -> Dataset:
    """The dataset a connector declares.

    Raises:
        RequestInvalid: the id or the column names are not acceptable.
    """
    try:
        return Dataset(
            id=check_dataset_id(message.id), title=message.title, columns=columns_from_wire(message.columns)
        )
    except ValidationError as error:
        raise RequestInvalid(f"dataset {message.id!r}: {error.errors()[0]['msg']}") from None


def register_request(location: str, datasets: tuple[Dataset, ...]) -> pb.RegisterRequest:
    """A connector's registration."""
    return pb.RegisterRequest(location=location, datasets=map(dataset_to_wire, datasets))


def keys_to_wire(keys: dict[str, bytes]) -> pb.TicketKeys:
    """Ticket keys by id."""
    return pb.TicketKeys(keys=[pb.TicketKey(id=key_id, public_key=key) for key_id, key in keys.items()])


def keys_from_wire(message: pb.TicketKeys) -> dict[str, bytes]:
    """Ticket keys by id."""
    return {key.id: key.public_key for key in message.keys}
