"""One access against every rule: a pure function of its records."""

from __future__ import annotations

from collections.abc import Iterator

from exchange.audit.reconcile import accounts, moments, permission
from exchange.audit.reconcile.access import Access, text
from exchange.audit.reconcile.findings import Finding, finding
from exchange.audit.reconcile.moments import Deadlines
from exchange.audit.records.entry import Entry

RECEIPTS_CALL = "exchange.v1.ReceiptService/SubmitReceipts"


def judge(access: Access, deadlines: Deadlines) -> Iterator[Finding]:
    """Whatever does not fit between the records of one access; nothing for an honest one."""
    yield from permission.decided(access)
    yield from permission.same_subject(access)
    yield from permission.right_speaker(access)
    yield from permission.row_limit(access)
    yield from moments.in_time(access)
    yield from moments.whole(access, deadlines)
    yield from moments.not_revoked(access)
    yield from accounts.told_once(access)
    yield from accounts.accounts_agree(access)
    yield from accounts.acknowledged(access, deadlines)


def judge_refused(entry: Entry) -> Finding:
    """What a statement means that the broker recorded as refused: it is no record of the access itself.

    Args:
        entry: an `administration` record of the receipts' call, refused.
    """
    reason, speaker, target = text(entry, "reason"), text(entry, "subject"), text(entry, "target")
    code, sentence = "statement-refused", f"the broker refused a statement of {speaker} ({reason})"
    if reason == "receipt-conflict":
        code, sentence = "account-changed", f"{speaker} signed a second, different account of one stream"
    elif reason == "ticket-unknown" and speaker.endswith("/connector"):
        code = "ticket-never-issued"
        sentence = f"{speaker} speaks of a stream under a ticket that was never issued to be used there"
    return finding(code, target, [entry], sentence, subject=speaker)
