"""Whether the city vouched for those who signed what evidence shows: the log's key cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cryptography import x509

from exchange.audit.evidence.check import Proof
from exchange.audit.records.deliveries import certificate_in
from exchange.audit.records.entry import Entry
from exchange.audit.verdict import Finding
from exchange.security.pki import constraints
from exchange.security.receipts import Trust


def led_to_roots(proof: Proof, roots: Path) -> Proof:
    """The same proof, with a finding for each signed record whose signer no chain leads to the roots.

    Chains are looked for among the certificates in the evidence; each link must have been valid when the
    record was written, and allowed to name the signer.

    Raises:
        ConfigError: the file is missing or not PEM.
    """
    entries = (*proof.asked, *proof.judged_by)
    certificates = {
        str(entry.fields.get("certificate")): found
        for entry in entries
        if entry.kind == "certificate" and (found := certificate_in(str(entry.fields.get("der"))))
    }
    trust = Trust(Trust.load(roots, None, "").roots, tuple(certificates.values()), "")
    strangers = tuple(_strangers(entries, certificates, trust))
    findings = (*proof.findings, *strangers)
    return proof.model_copy(update={"proven": proof.proven and not strangers, "findings": findings})


def _strangers(
    entries: Sequence[Entry], certificates: Mapping[str, x509.Certificate], trust: Trust
) -> Iterator[Finding]:
    for entry in entries:
        fields = entry.fields
        if entry.kind == "certificate" or not fields.get("statement"):
            continue
        speaker = str(fields.get("speaker") or fields.get("subject"))
        signer = certificates.get(str(fields.get("certificate")))
        if signer is None or not _vouched(signer, speaker, entry.time_us, trust):
            text = f"no chain leads from {speaker}, who signed record {entry.index}, to the roots given"
            yield Finding(what="receipt", index=entry.index, last=entry.index, text=text)


def _vouched(signer: x509.Certificate, speaker: str, at_us: int, trust: Trust) -> bool:
    try:
        return not constraints.is_authority(signer) and trust.vouches_for(signer, speaker, at_us)
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False  # a part of some certificate cannot be read
