"""Receipts that the broker could not take yet, kept on disk until it can."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import ValidationError

from exchange.errors import ConfigError
from exchange.model.receipt import Receipt
from exchange.security import files

RECEIPTS_MAX = 1000
_log = logging.getLogger("exchange.client")


class Spool:
    """A folder with one file for each receipt, written whole or not at all.

    Args:
        folder: made when the first receipt arrives.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, ticket: str, receipt: Receipt) -> None:
        """Keep a receipt until `drop`; the ticket's id names it.

        Raises:
            ConfigError: the folder cannot be written, or holds its maximum.
        """
        files.make_folder(self._folder)
        if len(self._paths()) >= RECEIPTS_MAX:
            raise ConfigError(f"{self._folder} holds {RECEIPTS_MAX} receipts already")
        content = receipt.model_dump_json().encode()
        files.replace({self._folder / f"{ticket}.json": (content, files.PRIVATE_MODE)})

    def waiting(self) -> dict[Path, Receipt]:
        """The receipts that wait, by file; a file that is none is left alone and named in the log."""
        found: dict[Path, Receipt] = {}
        for path in self._paths()[:RECEIPTS_MAX]:
            try:
                found[path] = Receipt.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                _log.warning("%s is not a receipt; look at it and remove it", path)
        return found

    @staticmethod
    def drop(path: Path) -> None:
        """Forget a receipt that was acknowledged; another client may have done so at the same time."""
        path.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        # a file that is still being written has another suffix; a folder that is not there yet holds none
        return sorted(self._folder.glob("[!.]*.json"))
