"""What the log says of its own retention, and which records outlive it.

A segment's payload may be missing only if the log itself recorded, below a signed checkpoint, that retention
removed it: files that merely vanish are a deletion, whatever stands in their place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from exchange.audit.records.kinds import AdministrationRecord

RETAIN_CALL = "audit/retain"
_TARGET = re.compile(r"records (0|[1-9][0-9]{0,15})-([1-9][0-9]{0,15}) kept ([0-9a-f]{64})")
_KINDS_KEPT = frozenset({"certificate", "publication", "key", "log", "revocation"})
OUTLIVING = (f'"call":"{RETAIN_CALL}"'.encode(), *(f'"kind":"{kind}"'.encode() for kind in _KINDS_KEPT))
"""One of these stands in each record that outlives its segment, and in few others."""


@dataclass(frozen=True)
class Retained:
    """The removal of one segment's payload.

    Attributes:
        first: index of the segment's first record; size: of the tree at its end.
        kept: SHA-256 (hex) of the file of records that stay.
    """

    first: int
    size: int
    kept: str

    def record(self, subject: str) -> AdministrationRecord:
        """What is to be in the log before anything is removed."""
        target = f"records {self.first}-{self.size - 1} kept {self.kept}"
        return AdministrationRecord(subject=subject, call=RETAIN_CALL, target=target, outcome="done")

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Retained | None:
        """The removal that a record speaks of; None if it is another record."""
        if fields.get("kind") != "administration" or fields.get("call") != RETAIN_CALL:
            return None
        match = _TARGET.fullmatch(str(fields.get("target")))
        if match is None or fields.get("outcome") != "done":
            return None
        return cls(first=int(match[1]), size=int(match[2]) + 1, kept=match[3])


def outlives(fields: dict[str, Any]) -> bool:
    """Whether a record stays when its segment's payload goes.

    What later verification needs stays: certificates that later receipts refer to, policies that later
    decisions stand on, the log's own life, and what was removed before. Accesses go.
    """
    return fields.get("kind") in _KINDS_KEPT or fields.get("call") == RETAIN_CALL
