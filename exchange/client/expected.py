"""What the log must hold of this client, and where that waits until it is proven."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

from pydantic import ValidationError

from exchange.errors import ConfigError
from exchange.model.base import Frozen
from exchange.model.receipt import Receipt
from exchange.model.request import ReadRequest
from exchange.security import files
from exchange.wire.asking import Grant

WAITING_MAX = 1000
_log = logging.getLogger("exchange.client")


class Expected(Frozen):
    """A record of this client.

    Attributes:
        index: of the record, as the broker said.
        since_us: when it said so, unix microseconds.
        fields: what the record must say, by key.
        statement: SHA-256 (hex) of the signed statement it must hold; "" for none.
    """

    index: int
    since_us: int
    fields: dict[str, str | int]
    statement: str = ""

    def is_in(self, record: bytes) -> bool:
        """Whether the record says exactly that."""
        try:
            found = json.loads(record)
            held = str(found.get("statement", ""))
            same = all(found.get(key) == value for key, value in self.fields.items())
        except (ValueError, AttributeError, RecursionError):
            return False
        return same and (not self.statement or _digest(held) == self.statement)


def of_decision(grant: Grant, request: ReadRequest, subject: str, now_us: int) -> Expected:
    """The record of the decision behind a grant."""
    fields: dict[str, str | int] = {
        "kind": "decision",
        "index": grant.audit_index,
        "id": grant.id,
        "subject": subject,
        "dataset": request.dataset,
        "purpose": request.purpose,
        "decision": "allow",
        "revision": grant.revision,
    }
    return Expected(index=grant.audit_index, since_us=now_us, fields=fields)


def of_receipt(receipt: Receipt, index: int, subject: str, now_us: int) -> Expected:
    """The record of this client's own receipt."""
    fields: dict[str, str | int] = {"kind": "received", "index": index, "speaker": subject}
    return Expected(index=index, since_us=now_us, fields=fields, statement=_digest(receipt.statement))


class Waiting:
    """A folder with one file for each record that is not proven yet; several processes may share it.

    Args:
        folder: made when it is first needed; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def put(self, item: Expected) -> None:
        """Keep it until `drop`; beyond the bound it is let go."""
        if self._folder is None:
            return
        try:
            files.make_folder(self._folder)
            if len(self._paths()) < WAITING_MAX:
                content = item.model_dump_json().encode()
                files.replace({self._path(item): (content, files.PRIVATE_MODE)})
        except ConfigError as error:
            _log.warning("record %d will not be checked after a restart: %s", item.index, error.public)

    def all(self) -> list[Expected]:
        """Those that wait."""
        found = []
        for path in self._paths():
            try:
                found.append(Expected.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError):
                _log.warning("%s is not what this client wrote; look at it and remove it", path)
        return found

    def drop(self, item: Expected) -> None:
        """It is proven, or an alarm stands instead."""
        if self._folder is not None:
            self._path(item).unlink(missing_ok=True)

    def _path(self, item: Expected) -> Path:
        assert self._folder is not None  # noqa: S101 - whoever has no folder never comes here
        return self._folder / f"{item.index:020d}.json"

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("[!.]*.json"))[:WAITING_MAX] if self._folder else []


def _digest(statement: str) -> str:
    return hashlib.sha256(statement.encode()).hexdigest()
