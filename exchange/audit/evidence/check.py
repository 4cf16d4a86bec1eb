"""Judging an evidence file with nothing but the file and a trust policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cryptography import x509

from exchange.audit.evidence.form import Evidence
from exchange.audit.proofs.merkle import leaf_hash, verify_inclusion
from exchange.audit.proofs.trust import Cosigned, TrustPolicy
from exchange.audit.records.deliveries import certificate_in
from exchange.audit.records.entry import Entry
from exchange.audit.records.recordcheck import RecordCheck
from exchange.audit.verdict import Finding, What
from exchange.errors import LogCorrupt
from exchange.model.base import Frozen


class Proof(Frozen):
    """What evidence proves, or why it proves nothing.

    Attributes:
        proven: every record stands in the log as shown, and nothing contradicts it.
        origin, size, root: of the checkpoint (root in hex); "" and 0 where it is not believed.
        cosigned_by: the policy's witnesses that cosigned it.
        asked: the records that are evidence.
        judged_by: the publications and certificates beside them.
        receipts: so many signatures of connectors, consumers and stewards are good.
        findings: why it is not proven.
        remarks: what a reader should know.
    """

    proven: bool
    origin: str = ""
    size: int = 0
    root: str = ""
    cosigned_by: tuple[Cosigned, ...] = ()
    asked: tuple[Entry, ...] = ()
    judged_by: tuple[Entry, ...] = ()
    receipts: int = 0
    findings: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()


def check_evidence(data: bytes, trust: TrustPolicy) -> Proof:
    """What the file proves to whoever trusts that policy; never raises on content."""
    try:
        evidence = Evidence.parse(data)
        checked = trust.check(evidence.checkpoint.encode())
    except (LogCorrupt, UnicodeEncodeError) as error:
        text = error.public if isinstance(error, LogCorrupt) else "this is not text"
        return Proof(proven=False, findings=(Finding(what="checkpoint", index=None, text=text),))
    tree, records, certificates = checked.checkpoint, RecordCheck(signatures=True), _Speakers()
    findings: list[Finding] = []
    wanted = set(evidence.asked)
    asked: list[Entry] = []
    judged_by: list[Entry] = []
    for entry in evidence.entries:
        line = entry.record.encode("utf-8", "surrogatepass")
        try:
            good = verify_inclusion(leaf_hash(line), entry.index, tree.size, entry.path(), tree.root)
            shown = Entry.parse(line)
        except LogCorrupt as error:
            findings.append(Finding(what="form", index=entry.index, last=entry.index, text=error.public))
            continue
        if not good:
            text = f"record {entry.index} is not in the log as shown: it, or its proof, was altered"
            findings.append(Finding(what="edited", index=entry.index, last=entry.index, text=text))
        for what, text in (*records.check(entry.index, line), *certificates.check(shown)):
            findings.append(Finding(what=what, index=entry.index, last=entry.index, text=text))
        (asked if entry.index in wanted else judged_by).append(shown)
    remarks = [*(remark.text for remark in records.remarks), *_missing(asked, judged_by)]
    return Proof(
        proven=not findings,
        origin=tree.origin,
        size=tree.size,
        root=tree.root.hex(),
        cosigned_by=checked.cosigned_by,
        asked=tuple(asked),
        judged_by=tuple(judged_by),
        receipts=records.receipts,
        findings=tuple(findings),
        remarks=tuple(remarks),
    )


class _Speakers:
    """Whether what somebody said is signed under a certificate that names them."""

    def __init__(self) -> None:
        self._named: dict[str, list[str]] = {}

    def check(self, entry: Entry) -> Iterator[tuple[What, str]]:
        fields = entry.fields
        fingerprint = str(fields.get("certificate") or "")
        if entry.kind == "certificate":
            self._named[fingerprint] = _names(str(fields.get("der")))
        elif fields.get("statement") and fingerprint in self._named:
            speaker = fields.get("speaker") or fields.get("subject")
            if speaker not in self._named[fingerprint]:
                others = ", ".join(self._named[fingerprint]) or "nobody"
                yield "receipt", f"record {entry.index} is signed by {others}, not by {speaker}"


def _names(der: str) -> list[str]:
    """The URIs that a certificate names; none where it cannot be read."""
    certificate = certificate_in(der)
    try:
        if certificate is not None:
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            return found.get_values_for_type(x509.UniformResourceIdentifier)
    except (
        ValueError,
        TypeError,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):
        pass
    return []


def publication_of(entry: Entry, judged_by: Sequence[Entry]) -> dict[str, Any] | None:
    """The fields of the publication that brought the record's policy revision into force."""
    for other in judged_by:
        fields = other.fields
        published = other.kind == "publication" and fields.get("outcome") == "published"
        if published and fields.get("revision") == entry.fields.get("revision"):
            return fields
    return None


def _missing(asked: list[Entry], judged_by: list[Entry]) -> list[str]:
    """Decisions whose policy revision nobody in the evidence published."""
    return [
        f"the publication of policy revision {entry.fields.get('revision')} is not in the evidence"
        for entry in asked
        if entry.kind == "decision" and publication_of(entry, (*judged_by, *asked)) is None
    ]
