"""The way back: a department learns who used its own data, and of others' data not even names."""

from __future__ import annotations

from typing import Protocol

from exchange.broker.ledger import Ledger
from exchange.errors import AccessRefused, RequestInvalid
from exchange.model.dataset import check_dataset_id
from exchange.model.subject import Subject
from exchange.model.usage import Usage, UsageQuestion
from exchange.wire.usage import Parse

CALL = "exchange.v1.UsageService/GetUsage"


class Asked(Protocol):
    """Whoever counts."""

    def ask(self, department: str, question: UsageQuestion) -> Usage:
        """The usage of the department's datasets."""


class UsageDesk:
    """Answers systems, stewards and connectors about their own department; each answer is recorded first."""

    def __init__(self, worker: Asked, ledger: Ledger) -> None:
        self._worker = worker
        self._ledger = ledger

    def usage(self, speaker: Subject, parse: Parse) -> Usage:
        """Who used the datasets of the speaker's department.

        Raises:
            AccessRefused: the question names another department's dataset, or one that nobody has; recorded.
            RequestInvalid: it is no such question; recorded.
            Unavailable: it cannot be answered now.
            AuditUnavailable: it cannot be recorded, so nothing is shown.
        """
        try:
            question = parse()
        except RequestInvalid as error:
            error.id = self._ledger.refused(CALL, error.stable_reason, speaker)
            raise
        own = f"{speaker.department}."
        if question.dataset and not question.dataset.startswith(own):
            target = self._target(question.dataset)
            access_id = self._ledger.refused(CALL, AccessRefused.reason, speaker, target)
            raise AccessRefused("usage is told to the department that owns the dataset", id=access_id)
        found = self._worker.ask(speaker.department, question)
        self._ledger.done(CALL, speaker, self._target(question.dataset) if question.dataset else f"{own}*")
        return found

    def _target(self, dataset: str) -> str:
        """The name as it may stand in the log: what is no name at all only by a commitment (T61, T62)."""
        try:
            return check_dataset_id(dataset)
        except RequestInvalid:
            return self._ledger.stranger(dataset)
