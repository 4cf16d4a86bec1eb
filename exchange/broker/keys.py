"""The broker's own keys: made at first start, kept in `state/keys` with mode 0600, never sent anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.errors import ConfigError
from exchange.security import files, keyfiles
from exchange.security.tickets import TicketSigner

TICKET_KEY = "ticket.key"
AUDIT_KEY = "audit.key"


@dataclass(frozen=True)
class BrokerKeys:
    """The keys a broker works with.

    Attributes:
        signer: signs tickets with the newest ticket key.
        ticket_keys: key id to raw public key, of all ticket keys; connectors accept all of them.
        audit: signs the log's checkpoints.
    """

    signer: TicketSigner
    ticket_keys: dict[str, bytes]
    audit: Ed25519PrivateKey


def open_keys(folder: Path) -> BrokerKeys:
    """The keys in the folder; those that are missing are made.

    Ticket keys are the files `ticket.key`, `ticket-2.key`, ...; the one with the highest number signs.
    A rotation adds a file, restarts the broker, and removes the old file once its last ticket expired (F18).

    Raises:
        ConfigError: a key file is unreadable, readable by others, or no Ed25519 key.
    """
    files.make_folder(folder)
    ticket_files = sorted(folder.glob("ticket*.key"), key=_age)
    keys = [keyfiles.load_key(path) for path in ticket_files] or [_make(folder / TICKET_KEY)]
    signers = [TicketSigner(key) for key in keys]
    audit = folder / AUDIT_KEY
    return BrokerKeys(
        signer=signers[-1],
        ticket_keys={signer.key_id: signer.public_key_bytes for signer in signers},
        audit=keyfiles.load_key(audit) if audit.exists() else _make(audit),
    )


def _age(path: Path) -> int:
    number = path.stem.removeprefix("ticket").removeprefix("-") or "1"
    if not number.isascii() or not number.isdigit():
        raise ConfigError(f"{path} is no ticket key's name", hint="name it ticket-<number>.key")
    return int(number)


def _make(path: Path) -> Ed25519PrivateKey:
    return keyfiles.create_key(path)
