"""The built-in authority's folder: keys, certificates, and a log of everything issued.

    root/root.key, root.pem                             the root; the key may be moved away (see below)
    departments/<department>/intermediate.key, .pem     one authority per department
    departments/<department>/issued.jsonl               one line per certificate it issued

The root key is needed to create or renew a department's authority and for nothing else. Once the departments
stand, move `root/root.key` to a safe place offline; put it back for a new department.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from pydantic import ValidationError

from exchange.errors import PkiError
from exchange.model.base import Frozen
from exchange.model.subject import CITY, Subject, is_department
from exchange.security import files
from exchange.security.credentials import subject_alternative_names
from exchange.security.pki.authority import (
    LEAF_HOURS,
    Issuer,
    issue_identity,
    issue_intermediate,
    issue_listener,
    issue_root,
    takes_part_as_server,
    trust_domain_of,
)
from exchange.security.pki.names import Profile
from exchange.security.pki.pem import chain_pem, key_pem, new_key, parse_certificates, parse_key

Files = dict[str, tuple[bytes, int]]
"""File name to content and mode, as they shall lie in a process's folder."""


class Issued(Frozen):
    """One line of the log of issued certificates.

    Attributes:
        serial: hexadecimal, as certificates print it.
        profile: identity or listener.
        subject: SPIFFE id.
        names: every name in the certificate, the SPIFFE id first.
        not_before, not_after: ISO 8601, UTC.
    """

    serial: str
    profile: str
    subject: str
    names: tuple[str, ...]
    not_before: str
    not_after: str


class AuthorityStore:
    """The authority in one folder.

    Raises:
        PkiError: there is no authority in the folder, or it was made by another tool.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root_pem = folder / "root" / "root.pem"
        self._root_key = folder / "root" / "root.key"
        if not self._root_pem.exists():
            raise PkiError(
                f"there is no authority in {folder}",
                hint="`exchange pki init DIR --trust-domain NAME` makes one",
            )
        self.root = parse_certificates(files.read_public(self._root_pem), self._root_pem)[0]
        self.trust_domain = trust_domain_of(self.root)

    @classmethod
    def create(cls, folder: Path, trust_domain: str, now_us: int) -> AuthorityStore:
        """A new authority: a root, and the city's own intermediate for its broker, auditors and stewards.

        Raises:
            PkiError: the folder holds an authority already, or the trust domain is malformed.
            ConfigError: the folder cannot be written.
        """
        key = new_key()
        root = issue_root(trust_domain, key, now_us)
        place = folder / "root"
        if (place / "root.pem").exists():
            raise PkiError(f"{folder} holds an authority already", hint="an authority is never overwritten")
        files.make_folder(folder)
        files.make_folder(place)
        files.write_new(place / "root.key", key_pem(key), files.PRIVATE_MODE)
        files.write_new(place / "root.pem", chain_pem([root]), files.PUBLIC_MODE)
        store = cls(folder)
        store.add_department(CITY, now_us)
        return store

    def departments(self) -> list[str]:
        """Names of the departments that have an authority here."""
        return sorted(path.parent.name for path in self.folder.glob("departments/*/intermediate.pem"))

    def add_department(self, department: str, now_us: int, *, renew: bool = False) -> x509.Certificate:
        """Create a department's authority, or give an existing one a new key and certificate.

        Raises:
            PkiError: it exists already (to renew: does not), the name is malformed, or the root key is away.
        """
        place = self._place(department)
        exists = (place / "intermediate.pem").exists()
        if exists and not renew:
            raise PkiError(
                f"department {department!r} exists already", hint="--renew gives it a new certificate"
            )
        if renew and not exists:
            raise PkiError(f"there is no department {department!r} to renew", hint="leave --renew away")
        key = new_key()
        certificate = issue_intermediate(self._root_issuer(), department, key.public_key(), now_us)
        files.make_folder(place.parent)
        files.make_folder(place)
        files.replace(
            {
                place / "intermediate.key": (key_pem(key), files.PRIVATE_MODE),
                place / "intermediate.pem": (chain_pem([certificate]), files.PUBLIC_MODE),
            }
        )
        return certificate

    def issue(
        self, subject: Subject, hosts: Sequence[str], now_us: int, *, hours: float = LEAF_HOURS
    ) -> Files:
        """Fresh keys and certificates for one actor: what its folder shall hold.

        Every certificate is in the log, durably, before it is handed out.

        Raises:
            PkiError: a name is refused, the department is unknown here, or its authority has expired.
            ConfigError: the authority's key is missing or readable by others.
        """
        if hosts and not takes_part_as_server(subject.kind):
            raise PkiError(
                f"a {subject.kind} does not listen", hint="only a broker and a connector take hosts"
            )
        issuer, domain = self._issuer(subject.department), self.trust_domain
        key = new_key()
        leaf = issue_identity(issuer, subject, key.public_key(), now_us, trust_domain=domain, hours=hours)
        issued = [(Profile.IDENTITY, key, leaf)]
        if takes_part_as_server(subject.kind):
            key = new_key()
            leaf = issue_listener(
                issuer, subject, hosts, key.public_key(), now_us, trust_domain=domain, hours=hours
            )
            issued.append((Profile.LISTENER, key, leaf))
        result: Files = {"roots.pem": (chain_pem([self.root]), files.PUBLIC_MODE)}
        for profile, key, leaf in issued:
            self._record(subject.department, profile, leaf)
            result[f"{profile}.key"] = (key_pem(key), files.PRIVATE_MODE)
            result[f"{profile}.pem"] = (chain_pem([leaf, issuer.certificate]), files.PUBLIC_MODE)
        return result

    def issued(self) -> list[Issued]:
        """Every certificate that was issued to an actor, by department and in order of issue.

        Raises:
            PkiError: a log is damaged; the text names file and line.
        """
        return [entry for department in self.departments() for entry in _read_log(self._log(department))]

    def _place(self, department: str) -> Path:
        if not is_department(department):
            raise PkiError(
                f"{department!r} cannot name a department", hint="lower-case letters, digits, hyphens"
            )
        return self.folder / "departments" / department

    def _log(self, department: str) -> Path:
        return self._place(department) / "issued.jsonl"

    def _root_issuer(self) -> Issuer:
        if not self._root_key.exists():
            raise PkiError(
                f"the root key is not at {self._root_key}",
                hint="it was moved offline; put it back for as long as this command runs",
            )
        return Issuer(self.root, parse_key(files.read_private(self._root_key), self._root_key))

    def _issuer(self, department: str) -> Issuer:
        place = self._place(department)
        key, certificate = place / "intermediate.key", place / "intermediate.pem"
        if not certificate.exists():
            raise PkiError(
                f"there is no department {department!r} in {self.folder}",
                hint=f"exchange pki department {self.folder} {department}",
            )
        authority = parse_certificates(files.read_public(certificate), certificate)[0]
        private = parse_key(files.read_private(key), key)
        if private.public_key() != authority.public_key():
            raise PkiError(
                f"{key} is not the key of {certificate.name}", hint="renew it: `exchange pki department`"
            )
        return Issuer(authority, private)

    def _record(self, department: str, profile: Profile, leaf: x509.Certificate) -> None:
        names = tuple(str(name.value) for name in subject_alternative_names(leaf))
        entry = Issued(
            serial=f"{leaf.serial_number:x}",
            profile=profile,
            subject=names[0],
            names=names,
            not_before=leaf.not_valid_before_utc.isoformat(),
            not_after=leaf.not_valid_after_utc.isoformat(),
        )
        files.append_line(self._log(department), entry.model_dump_json().encode())


def _read_log(path: Path) -> list[Issued]:
    if not path.exists():
        return []
    entries = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            entries.append(Issued.model_validate_json(line))
        except ValidationError:
            raise PkiError(f"{path}:{number} is damaged", hint="restore the log from a backup") from None
    return entries
