"""Requests as the audit log recorded them: equal ones counted once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exchange.errors import IdentityError, RequestInvalid
from exchange.model.dataset import check_dataset_id
from exchange.model.request import check_purpose
from exchange.model.subject import Kind, Subject

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True, slots=True)
class Recorded:
    """One question as the log tells it.

    Attributes:
        subject: who asked.
        dataset, purpose: of the question.
        state: of the city, then.
        columns: granted, or of a denial asked for; empty for all, and where they were too many to list.
        reads: columns of the consumer's predicate. Its literals are not in the log.
        allowed: what was decided then.
    """

    subject: Subject
    dataset: str
    purpose: str
    state: str
    columns: tuple[str, ...]
    reads: tuple[str, ...]
    allowed: bool


def recorded(records: Iterable[Mapping[str, Any]], trust_domain: str) -> Counter[Recorded]:
    """The reads among these records, with how often each occurred; what was no proper question is left out.

    Args:
        records: the fields of records of any kind.
        trust_domain: of the city.
    """
    found: Counter[Recorded] = Counter()
    for fields in records:
        if fields.get("kind") == "decision" and fields.get("action") == "read":
            one = read_record(fields, trust_domain)
            if one is not None:
                found[one] += 1
    return found


def read_record(fields: Mapping[str, Any], trust_domain: str) -> Recorded | None:
    """The question of one decision record; None if it was none that a policy could answer.

    One without a state was malformed and never judged.
    """
    try:
        subject = Subject.parse(str(fields["subject"]), trust_domain)
        dataset, purpose = check_dataset_id(fields["dataset"]), check_purpose(fields["purpose"])
        state = str(fields["state"])
        columns = tuple(map(str, fields["columns"]))
        whole = len(columns) == fields["columns_count"]
        reads = tuple(name.replace('""', '"') for name in _QUOTED.findall(fields["predicate"]))
        allowed = fields["decision"] == "allow"
    except (IdentityError, RequestInvalid, KeyError, TypeError):
        return None
    if subject.kind is not Kind.SYSTEM or not state:
        return None
    return Recorded(subject, dataset, purpose, state, columns if whole else (), reads, allowed)
