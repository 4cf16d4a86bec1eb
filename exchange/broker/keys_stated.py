"""The keys and certificates a broker works with, stated in the log at each start."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from exchange.audit.proofs.note import VerifierKey
from exchange.audit.records.kinds import KeyRecord
from exchange.audit.records.record import moment
from exchange.broker.chains import fingerprint
from exchange.broker.keys import BrokerKeys
from exchange.security.credentials import TlsSettings, microseconds


def stated(
    broker: str, keys: BrokerKeys, log: VerifierKey, witnesses: tuple[VerifierKey, ...], tls: TlsSettings
) -> list[KeyRecord]:
    """One record for each key.

    Args:
        broker: its SPIFFE id.
        keys: its own; the newest ticket key signs, the older ones are still accepted.
        log: under which the log is verified.
        witnesses: whose cosignatures count.
        tls: where its two certificates are.
    """
    signing = keys.signer.key_id
    tickets = [
        KeyRecord(
            subject=broker, role="ticket", target=name, outcome="signing" if name == signing else "accepted"
        )
        for name in sorted(keys.ticket_keys)
    ]
    return [
        KeyRecord(subject=broker, role="audit", target=log.text, outcome="signing"),
        *tickets,
        *(
            KeyRecord(subject=key.name, role="witness", target=key.text, outcome="accepted")
            for key in witnesses
        ),
        _certificate(broker, "identity", tls.identity_chain),
        *([_certificate(broker, "listener", tls.listener_chain)] if tls.listener_chain else []),
    ]


def _certificate(broker: str, role: str, path: Path) -> KeyRecord:
    leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
    return KeyRecord(
        subject=broker,
        role="identity" if role == "identity" else "listener",
        certificate=fingerprint(leaf),
        outcome="signing",
        expires=moment(microseconds(leaf.not_valid_after_utc)),
    )
