"""A log with one whole access, signed by a connector and a consumer, and witnesses that cosign it."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

from audit_house import PUBLIC, decision, open_log
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from exchange.audit.proofs.cosignature import cosign, cosigner_key, with_signatures
from exchange.audit.proofs.note import split_note
from exchange.audit.records.deliveries import STATEMENT_PREFIX, delivery
from exchange.audit.records.kinds import CertificateRecord, FileDigest, PublicationRecord, RevocationRecord
from exchange.audit.storage.layout import Layout
from exchange.model.canonical import canonical
from exchange.model.receipt import End, Outcome, Receipt, Received, Refusal, Start

ACCESS = "ab" * 16
CONNECTOR = "spiffe://port.zhongshui.example/connector"
CONSUMER = "spiffe://emergency.zhongshui.example/system/dispatch"
STEWARD = "spiffe://port.zhongshui.example/steward/wang"
WITNESSES = {
    name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"w"))
    for name in ("port", "weather", "registry")
}
COUNTED = {"rows": 12, "bytes": 3400, "batches": 1, "digest": "cd" * 32}
MANY = 40
"""Records of others, so that paths have several steps."""


class Signer:
    """Somebody with a certificate below the test's authority."""

    _authority = ec.derive_private_key(7, ec.SECP256R1())
    _authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "port 登记")])

    def __init__(self, spiffe_id: str, number: int) -> None:
        self.id, self.key = spiffe_id, ec.derive_private_key(number, ec.SECP256R1())
        self.der = self._certificate(spiffe_id, self.key, x509.Name([]))

    @classmethod
    def authority(cls) -> CertificateRecord:
        """The record of the authority's certificate."""
        der = cls._certificate("spiffe://port.zhongshui.example", cls._authority, cls._authority_name)
        return CertificateRecord(role="authority", certificate=hashlib.sha256(der).hexdigest(), der=der.hex())

    @classmethod
    def _certificate(cls, spiffe_id: str, key: ec.EllipticCurvePrivateKey, name: x509.Name) -> bytes:
        start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        built = x509.CertificateBuilder(
            cls._authority_name, name, key.public_key(), 7, start, start + dt.timedelta(days=3)
        ).add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe_id)]), critical=True
        )
        return built.sign(cls._authority, SHA256()).public_bytes(Encoding.DER)

    def certificate(self) -> CertificateRecord:
        """The record of its certificate."""
        return CertificateRecord(
            subject=self.id,
            role="signer",
            certificate=hashlib.sha256(self.der).hexdigest(),
            der=self.der.hex(),
        )

    def says(self, statement: Start | End | Received | Refusal) -> Receipt:
        """The statement, signed."""
        text = canonical(statement.model_dump(mode="json"))
        signature = self.key.sign(STATEMENT_PREFIX + text, ec.ECDSA(SHA256()))
        return Receipt(statement=text.decode(), signature=signature.hex(), certificate=self.der.hex())


CONNECTOR_SIGNER, CONSUMER_SIGNER = Signer(CONNECTOR, 11), Signer(CONSUMER, 12)
STEWARD_SIGNER = Signer(STEWARD, 13)


def publication(revision: int) -> PublicationRecord:
    """A steward brought that revision into force, and signed for it."""
    statement = canonical({"revision": revision})
    signature = STEWARD_SIGNER.key.sign(STATEMENT_PREFIX + statement, ec.ECDSA(SHA256()))
    return PublicationRecord(
        subject=STEWARD,
        department="port",
        revision=revision,
        previous=revision - 1,
        bundle="e1" * 32,
        files=(FileDigest(path="grants.csv", digest="e2" * 32),),
        message="减 \x1b[31m",
        outcome="published",
        statement=statement.decode(),
        signature=signature.hex(),
        certificate=hashlib.sha256(STEWARD_SIGNER.der).hexdigest(),
    )


def access_log(folder: Path) -> Path:
    """A closed log: authorities, signers, publications, one access from decision to receipt, and others'."""
    start = Start(ticket=ACCESS, connector=CONNECTOR, subject=CONSUMER, dataset="port.flights", at_us=1)
    end = End(
        ticket=ACCESS,
        connector=CONNECTOR,
        outcome=Outcome.COMPLETE,
        started_us=1,
        ended_us=2,
        **COUNTED,
    )
    received = Received(ticket=ACCESS, consumer=CONSUMER, outcome=Outcome.COMPLETE, at_us=3, **COUNTED)
    with open_log(folder) as log:
        log.append_many([Signer.authority(), STEWARD_SIGNER.certificate(), publication(2), publication(3)])
        log.append_many([decision(number) for number in range(MANY)])
        log.append(
            decision(
                id=ACCESS,
                columns=("origin", "尾号"),
                columns_count=2,
                rules=("departments/port/grants.csv:3",),
                revision=3,
                state="normal",
            )
        )
        log.append_many([CONNECTOR_SIGNER.certificate(), delivery(CONNECTOR_SIGNER.says(start))])
        log.append_many([decision(100 + number) for number in range(MANY)])
        known = {"subject": CONSUMER, "dataset": "port.flights"}
        log.append_many([delivery(CONNECTOR_SIGNER.says(end), **known), CONSUMER_SIGNER.certificate()])
        log.append(delivery(CONSUMER_SIGNER.says(received), **known))
        log.append(
            RevocationRecord(
                id=ACCESS,
                subject=CONSUMER,
                department="emergency",
                dataset="port.flights",
                purpose="emergency-response",
                speaker=CONNECTOR,
                revision=3,
                previous=2,
                reason="no-grant",
            )
        )
    return folder


def cosigned_by(folder: Path, *names: str) -> Path:
    """Let these witnesses cosign the log's checkpoint, as the broker would keep it."""
    note = Layout(folder).checkpoint.read_bytes()
    text, _ = split_note(note)
    lines = [cosign(text, f"{name}.example/witness", WITNESSES[name], 1_795_348_800) for name in names]
    Layout(folder).cosigned.write_bytes(with_signatures(note, lines))
    return folder


def trust_text(quorum: str = "quorum two") -> str:
    """The policy that asks for two of the three witnesses."""
    lines = [
        f"witness {name} {cosigner_key(f'{name}.example/witness', key).text}"
        for name, key in WITNESSES.items()
    ]
    group = f"group two 2 {' '.join(WITNESSES)}"
    return "\n".join([f"log {PUBLIC.text}", *lines, group, quorum, ""])
