"""Rules on how much: what the connector signed against what the consumer signed of the same stream (T63)."""

from __future__ import annotations

from collections.abc import Iterator

from exchange.audit.reconcile.access import Access, number, text
from exchange.audit.reconcile.findings import Finding
from exchange.audit.reconcile.moments import Deadlines
from exchange.audit.records.entry import Entry


def told_once(access: Access) -> Iterator[Finding]:
    """Each speaks once; a second account is the first one again."""
    if len(access.starts) > 1:
        sentence = f"one ticket began {len(access.starts)} streams"
        yield access.finding("ticket-used-twice", access.starts, sentence)
    for entries in (access.ends, access.received):
        if len(entries) > 1:
            sentence = f"{len(entries)} different accounts of one stream, each a signed {entries[0].kind}"
            yield access.finding("account-changed", entries, sentence)


def accounts_agree(access: Access) -> Iterator[Finding]:
    """What was sent is what arrived; a consumer that lost the stream may have less, never more."""
    for end in access.ends:
        for receipt in access.received:
            yield from _compare(access, end, receipt)


def acknowledged(access: Access, deadlines: Deadlines) -> Iterator[Finding]:
    """A complete stream is acknowledged by its consumer."""
    complete = [entry for entry in access.ends if _complete(entry)]
    if complete and not access.received and deadlines.over(complete[0].time_us):
        sentence = f"{number(complete[0], 'rows')} rows were delivered, and the consumer signed no receipt"
        yield access.finding("receipt-missing", complete, sentence)


def _compare(access: Access, end: Entry, receipt: Entry) -> Iterator[Finding]:
    both = [end, receipt]
    arrived_whole = _complete(receipt)
    if arrived_whole and not _complete(end):
        sentence = f"the connector says {text(end, 'outcome')}, the consumer says complete"
        yield access.finding("outcome-differs", both, sentence)
    if _exceeds(receipt, end):
        yield access.finding("connector-says-less", both, _counts(end, receipt))
    elif arrived_whole and _complete(end) and _exceeds(end, receipt):
        yield access.finding("consumer-says-less", both, _counts(end, receipt))
    elif arrived_whole and _complete(end) and text(end, "digest") != text(receipt, "digest"):
        sentence = "both ends count the same and have hashed different bytes"
        yield access.finding("digest-differs", both, sentence)


def _exceeds(more: Entry, less: Entry) -> bool:
    return any(number(more, name) > number(less, name) for name in ("rows", "bytes", "batches"))


def _counts(end: Entry, receipt: Entry) -> str:
    def told(entry: Entry) -> str:
        return f"{number(entry, 'rows')} rows in {number(entry, 'bytes')} bytes"

    return f"the connector says {told(end)}, the consumer says {told(receipt)}"


def _complete(entry: Entry) -> bool:
    return text(entry, "outcome") == "complete"
