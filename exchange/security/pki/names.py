"""Which names a leaf certificate may carry; what the authority refuses to write (T6, T7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from cryptography import x509

from exchange.errors import IdentityError, PkiError
from exchange.model.subject import Kind, Subject, server_name

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
HOST_CHARS_MAX = 200
HOSTS_MAX = 32


class Profile(StrEnum):
    """What a leaf is for: never both, so that a server's certificate makes no calls (T1)."""

    IDENTITY = "identity"
    LISTENER = "listener"


def check_trust_domain(text: str) -> None:
    """Nothing, if the text can be a city's trust domain.

    Raises:
        PkiError: it is not a lower-case DNS name of at least two labels.
    """
    if not _HOST.fullmatch(text) or len(text) > HOST_CHARS_MAX:
        raise PkiError(f"{text!r} is no trust domain", hint="a lower-case DNS name, like zhongshui.example")


def check_names(
    profile: Profile, names: Sequence[x509.GeneralName], common_name: str, trust_domain: str
) -> Subject:
    """The subject of the certificate, if it may carry these names.

    Raises:
        PkiError: not exactly one SPIFFE id, standing first; another name in an identity; a SPIFFE id where
            only careless software looks for it; a wildcard; a host outside the department.
    """
    uris = [name for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    if len(uris) != 1:
        raise PkiError(f"a certificate carries exactly one SPIFFE id, not {len(uris)}")
    if names[0] != uris[0]:
        raise PkiError("the SPIFFE id stands first among a certificate's names")
    if "spiffe:" in common_name.lower():
        raise PkiError("a SPIFFE id belongs into the URI name only, never into the common name")
    try:
        subject = Subject.parse(uris[0].value, trust_domain)
    except IdentityError as error:
        raise PkiError(f"{uris[0].value!r} cannot be issued: {error.public}") from None
    if profile is Profile.IDENTITY and len(names) != 1:
        raise PkiError(
            "an identity carries its SPIFFE id and no other name", hint="hosts belong to a listener"
        )
    if profile is Profile.LISTENER:
        _check_listener(subject, names[1:], trust_domain)
    return subject


def _check_listener(subject: Subject, hosts: Sequence[x509.GeneralName], trust_domain: str) -> None:
    if subject.kind not in {Kind.BROKER, Kind.CONNECTOR}:
        raise PkiError(f"a {subject.kind} does not listen", hint="only a broker and a connector take hosts")
    if len(hosts) > HOSTS_MAX:
        raise PkiError(f"a listener takes at most {HOSTS_MAX} hosts")
    for host in hosts:
        if not isinstance(host, x509.IPAddress):
            _check_host(host, f"{subject.department}.{trust_domain}")
    if x509.DNSName(server_name(trust_domain, subject.department, subject.kind)) not in hosts:
        raise PkiError("a listener's certificate lacks the name that clients demand")


def _check_host(host: x509.GeneralName, domain: str) -> None:
    if not isinstance(host, x509.DNSName):
        raise PkiError("a listener's hosts are DNS names and IP addresses")
    if "spiffe:" in host.value.lower():
        raise PkiError(f"{host.value!r} is a SPIFFE id, not a host", hint="give a host name or an IP address")
    if "*" in host.value:
        raise PkiError(f"{host.value!r} is a wildcard; each host is named", hint="give --host once for each")
    if not _HOST.fullmatch(host.value) or len(host.value) > HOST_CHARS_MAX:
        raise PkiError(f"{host.value!r} is no host name", hint="lower-case letters, digits, hyphens and dots")
    if not host.value.endswith(f".{domain}"):
        raise PkiError(
            f"{host.value!r} lies outside {domain}", hint=f"a name ending in .{domain}, or an IP address"
        )
