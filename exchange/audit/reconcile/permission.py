"""Rules on what was decided: nothing flows without an allowing decision, nor to another, nor from another."""

from __future__ import annotations

from collections.abc import Iterator

from exchange.audit.reconcile.access import Access, number, text
from exchange.audit.reconcile.findings import Finding
from exchange.audit.records.entry import Entry


def decided(access: Access) -> Iterator[Finding]:
    """Whatever flowed was allowed, by one decision."""
    if len(access.decisions) > 1:
        yield access.finding(
            "decided-twice", access.decisions, f"{len(access.decisions)} decisions carry this access id"
        )
    if not access.told:
        return
    denials = [entry for entry in access.decisions if text(entry, "decision") == "deny"]
    if denials:
        reason = text(denials[0], "reason")
        sentence = f"the request was denied ({reason}), and yet {_says(access.told[0])}"
        yield access.finding("denied-yet-delivered", [*denials, *access.told], sentence)
    elif access.granted is None:
        sentence = f"{_says(access.told[0])}, and no decision allowed it"
        yield access.finding("no-decision", [*access.decisions, *access.told], sentence)


def same_subject(access: Access) -> Iterator[Finding]:
    """Who received is who was granted; what was delivered is what was asked."""
    decision = access.granted
    if decision is None:
        return
    for name, code in (("subject", "subject-differs"), ("dataset", "dataset-differs")):
        granted = text(decision, name)
        for entry in access.told:
            other = text(entry, name)
            if other and other != granted:
                sentence = f"{granted} was granted, the {entry.kind} speaks of {other}"
                yield access.finding(code, [decision, entry], sentence)


def right_speaker(access: Access) -> Iterator[Finding]:
    """A dataset is delivered by its department's connector and by nobody else."""
    for entry in (*access.starts, *access.ends):
        owner = text(entry, "dataset").partition(".")[0]
        if owner and not is_connector_of(text(entry, "speaker"), owner):
            sentence = f"{text(entry, 'speaker')} is not the connector of {owner}"
            yield access.finding("wrong-speaker", [entry], sentence)


def row_limit(access: Access) -> Iterator[Finding]:
    """No account is above the limit in the ticket."""
    limit = number(access.granted, "row_limit") if access.granted else 0
    for entry in (*access.ends, *access.received):
        if access.granted and 0 < limit < number(entry, "rows"):
            sentence = f"the ticket allowed {limit} rows, the {entry.kind} says {number(entry, 'rows')}"
            yield access.finding("above-row-limit", [access.granted, entry], sentence)


def is_connector_of(speaker: str, department: str) -> bool:
    """Whether the SPIFFE id is that of this department's connector, in either form a city may use."""
    host, _, path = speaker.removeprefix("spiffe://").partition("/")
    if not speaker.startswith("spiffe://"):
        return False
    if path == "connector":
        return host.partition(".")[0] == department
    return path == f"department/{department}/connector"


def _says(entry: Entry) -> str:
    who = text(entry, "speaker")
    return f"{who} says that data was {'received' if entry.kind == 'received' else 'delivered'}"
