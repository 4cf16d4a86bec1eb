"""Who acts: a SPIFFE id, and the department, kind and name it stands for.

Two layouts are understood (SPIFFE-ID spec §2; `docs/adr/0003-identity.md`):

    spiffe://<department>.<trust domain>/<kind>[/<name>]            one intermediate CA per department
    spiffe://<trust domain>/department/<department>/<kind>[/<name>]   one authority for all (SPIRE)

The first is what the built-in CA issues: X.509 name constraints on the intermediate then make it impossible,
inside the TLS handshake, for one department's CA to name another department's systems.
"""

from __future__ import annotations

import re
from enum import StrEnum

from exchange.errors import IdentityError
from exchange.model.base import Frozen

CITY = "city"
"""The reserved department name: the broker, the auditors, and the stewards of what binds every department."""

_DEPARTMENT = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]|[a-z]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SPIFFE = re.compile(r"spiffe://([a-z0-9.-]{1,255})((?:/[A-Za-z0-9._-]+)+)")
SPIFFE_ID_BYTES_MAX = 2048


class Kind(StrEnum):
    """What an actor is; the kind decides which calls it may make at all."""

    BROKER = "broker"
    CONNECTOR = "connector"
    SYSTEM = "system"
    STEWARD = "steward"
    AUDITOR = "auditor"


_NAMELESS = frozenset({Kind.BROKER, Kind.CONNECTOR})
_OF_THE_CITY = frozenset({Kind.BROKER, Kind.AUDITOR, Kind.STEWARD})
_OF_A_DEPARTMENT = frozenset({Kind.CONNECTOR, Kind.SYSTEM, Kind.STEWARD})


class Subject(Frozen):
    """An authenticated actor.

    Attributes:
        id: the SPIFFE id, exactly as the certificate states it.
        department: the department it belongs to ("city" for broker, auditors and the city's own stewards).
        kind: what it is.
        name: which one of its kind; "" for a broker or a connector, of which there is one.
    """

    id: str
    department: str
    kind: Kind
    name: str

    @classmethod
    def parse(cls, spiffe_id: str, trust_domain: str) -> Subject:
        """The subject that a SPIFFE id names in this trust domain.

        Raises:
            IdentityError: the id is malformed, of another trust domain, or of an unknown kind.
        """
        if len(spiffe_id.encode()) > SPIFFE_ID_BYTES_MAX:
            raise IdentityError("the SPIFFE id is longer than 2,048 bytes")
        match = _SPIFFE.fullmatch(spiffe_id)
        if match is None:
            raise IdentityError("the certificate carries no well-formed SPIFFE id")
        department, path = _split(match[1], match[2].split("/")[1:], trust_domain)
        return cls._of(spiffe_id, department, path)

    @classmethod
    def _of(cls, spiffe_id: str, department: str, path: list[str]) -> Subject:
        if not is_department(department) or not path or path[0] not in set(Kind):
            raise IdentityError("the SPIFFE id names no department and kind of this city")
        kind, names = Kind(path[0]), path[1:]
        if len(names) != (0 if kind in _NAMELESS else 1) or not all(map(_NAME.fullmatch, names)):
            raise IdentityError(f"a {kind}'s SPIFFE id has the wrong number of name parts")
        if kind not in (_OF_THE_CITY if department == CITY else _OF_A_DEPARTMENT):
            raise IdentityError(f"a {kind} cannot belong to {department!r}")
        return cls(id=spiffe_id, department=department, kind=kind, name="".join(names))


def _split(host: str, path: list[str], trust_domain: str) -> tuple[str, list[str]]:
    if host == trust_domain and path[:1] == ["department"] and len(path) > 1:
        return path[1], path[2:]
    label, dot, rest = host.partition(".")
    if dot and rest == trust_domain:
        return label, path
    raise IdentityError("the SPIFFE id belongs to another trust domain")


def is_department(text: str) -> bool:
    """Whether the text can name a department: a lower-case DNS label."""
    return _DEPARTMENT.fullmatch(text) is not None


def is_actor_name(text: str) -> bool:
    """Whether the text can name a system, steward or auditor: one SPIFFE path segment."""
    return _NAME.fullmatch(text) is not None


def spiffe_id(trust_domain: str, department: str, kind: Kind, name: str = "") -> str:
    """The SPIFFE id the built-in CA issues for this actor."""
    return f"spiffe://{department}.{trust_domain}/{kind}" + (f"/{name}" if name else "")


def witness_name(trust_domain: str, department: str) -> str:
    """The name under which a department's connector cosigns the log's checkpoints."""
    return f"{trust_domain}/witness/{department}"


def server_name(trust_domain: str, department: str, kind: Kind) -> str:
    """The DNS name a listener certificate carries and clients demand, whatever address they dial."""
    return f"{kind}.{department}.{trust_domain}"
