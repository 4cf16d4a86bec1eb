"""The built-in certificate authority's judgement: what it issues and what it refuses; it touches no file.

A root that can stay offline, one intermediate per department, leaves of a few days. Name constraints on the
intermediate (critical, RFC 5280 §4.2.1.10) make it impossible for one department to name another's systems,
and path length 0 makes it impossible to pass the right on.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from exchange.errors import PkiError
from exchange.model.subject import Kind, Subject, is_department, server_name
from exchange.security.credentials import microseconds, moment, subject_alternative_names
from exchange.security.pki import constraints
from exchange.security.pki.names import Profile, check_names, check_trust_domain

ROOT_DAYS = 3650
INTERMEDIATE_DAYS = 730
LEAF_HOURS = 5 * 24
LEAF_HOURS_MAX = 31 * 24
BACKDATED_S = 300
"""How far a certificate's validity begins in the past: clocks of a city are never quite alike."""


@dataclass(frozen=True)
class Issuer:
    """An authority's certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def issue_root(trust_domain: str, key: ec.EllipticCurvePrivateKey, now_us: int) -> x509.Certificate:
    """The city's root, which names the trust domain as its SPIFFE id without a path.

    Raises:
        PkiError: the trust domain is not a lower-case DNS name of at least two labels.
    """
    check_trust_domain(trust_domain)
    name = _name(trust_domain, f"root of {trust_domain}")
    begin, end = _dates(now_us, ROOT_DAYS * 24)
    builder = _builder(name, name, key.public_key(), begin=begin, end=end)
    builder = _as_authority(builder, f"spiffe://{trust_domain}", path_length=1)
    return builder.sign(key, hashes.SHA256())


def issue_intermediate(
    root: Issuer, department: str, public_key: ec.EllipticCurvePublicKey, now_us: int
) -> x509.Certificate:
    """A department's own authority, which can name this department's systems and no others.

    Raises:
        PkiError: the name is not a department's, or the root has expired.
    """
    if not is_department(department):
        raise PkiError(
            f"{department!r} cannot name a department", hint="lower-case letters, digits and hyphens"
        )
    domain = trust_domain_of(root.certificate)
    host = f"{department}.{domain}"
    begin, end = _dates(now_us, INTERMEDIATE_DAYS * 24)
    builder = _builder(
        _name(domain, f"authority of {department}"),
        root.certificate.subject,
        public_key,
        begin=begin,
        end=_before_issuer(root, end, now_us),
    )
    builder = _as_authority(builder, f"spiffe://{host}", path_length=0)
    permitted = [x509.UniformResourceIdentifier(host), x509.DNSName(host)]
    builder = builder.add_extension(x509.NameConstraints(permitted, None), critical=True)
    return _signed(builder, root)


def issue_identity(
    issuer: Issuer,
    subject: Subject,
    public_key: ec.EllipticCurvePublicKey,
    now_us: int,
    *,
    trust_domain: str,
    hours: float = LEAF_HOURS,
) -> x509.Certificate:
    """A client certificate with exactly one name, the subject's SPIFFE id.

    Raises:
        PkiError: the issuer may not name this subject, has expired, or the lifetime is out of bounds.
    """
    names = [_uri(subject.id)]
    return issue_leaf(
        issuer, Profile.IDENTITY, names, public_key, now_us, trust_domain=trust_domain, hours=hours
    )


def issue_listener(
    issuer: Issuer,
    subject: Subject,
    hosts: Sequence[str],
    public_key: ec.EllipticCurvePublicKey,
    now_us: int,
    *,
    trust_domain: str,
    hours: float = LEAF_HOURS,
) -> x509.Certificate:
    """A server certificate: the SPIFFE id first, then the name that every client demands, then hosts.

    Args:
        issuer: the department's intermediate.
        subject: a broker or a connector.
        hosts: IP addresses, or DNS names below the department's; for stock clients that dial them.
        public_key: of the listener.
        now_us: unix microseconds.
        trust_domain: of the city.
        hours: lifetime.

    Raises:
        PkiError: as `issue_identity`, or a host is a wildcard, a URI, or lies outside the department.
    """
    own = server_name(trust_domain, subject.department, subject.kind)
    others = [host for host in dict.fromkeys(hosts) if host != own]
    names = [_uri(subject.id), x509.DNSName(own), *map(_host, others)]
    return issue_leaf(
        issuer, Profile.LISTENER, names, public_key, now_us, trust_domain=trust_domain, hours=hours
    )


def issue_leaf(
    issuer: Issuer,
    profile: Profile,
    names: Sequence[x509.GeneralName],
    public_key: ec.EllipticCurvePublicKey,
    now_us: int,
    *,
    trust_domain: str,
    common_name: str = "",
    hours: float = LEAF_HOURS,
) -> x509.Certificate:
    """A leaf certificate, after every name in it was judged (T6, T7); the other issuers of leaves end here.

    Raises:
        PkiError: a name is refused, the issuer may not give it or has expired, or the lifetime is wrong.
    """
    if not 0 < hours <= LEAF_HOURS_MAX:
        raise PkiError(f"a leaf lives at most {LEAF_HOURS_MAX // 24} days", hint="renew instead")
    subject = check_names(profile, names, common_name, trust_domain)
    if not constraints.may_name(issuer.certificate, subject.id):
        raise PkiError(f"this authority cannot name systems of {subject.department!r}")
    begin, end = _dates(now_us, hours)
    usage = (
        ExtendedKeyUsageOID.CLIENT_AUTH if profile is Profile.IDENTITY else ExtendedKeyUsageOID.SERVER_AUTH
    )
    builder = _builder(
        # With spaces in it, so that no library can take it for a host name.
        _name(
            trust_domain,
            common_name or " ".join(filter(None, (subject.department, subject.kind, subject.name))),
        ),
        issuer.certificate.subject,
        public_key,
        begin=begin,
        end=_before_issuer(issuer, end, now_us),
    )
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    return _signed(builder, issuer)


def trust_domain_of(root: x509.Certificate) -> str:
    """The trust domain that a root of this authority stands for.

    Raises:
        PkiError: it is no root of this authority.
    """
    names = subject_alternative_names(root)
    if len(names) != 1 or not isinstance(names[0], x509.UniformResourceIdentifier):
        raise PkiError("the root certificate names no trust domain", hint="it was made by another tool")
    return names[0].value.removeprefix("spiffe://")


def takes_part_as_server(kind: Kind) -> bool:
    """Whether actors of this kind listen, and so need a second certificate."""
    return kind in {Kind.BROKER, Kind.CONNECTOR}


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    *,
    begin: int,
    end: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment(begin))
        .not_valid_after(moment(end))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _as_authority(
    builder: x509.CertificateBuilder, spiffe_id: str, *, path_length: int
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectAlternativeName([_uri(spiffe_id)]), critical=False)
    )


def _signed(builder: x509.CertificateBuilder, issuer: Issuer) -> x509.Certificate:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return builder.add_extension(identifier, critical=False).sign(issuer.key, hashes.SHA256())


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _dates(now_us: int, hours: float) -> tuple[int, int]:
    begin = now_us - BACKDATED_S * 1_000_000
    return begin, now_us + round(timedelta(hours=hours).total_seconds()) * 1_000_000


def _before_issuer(issuer: Issuer, end: int, now_us: int) -> int:
    """What is issued never outlives its issuer."""
    limit = microseconds(issuer.certificate.not_valid_after_utc)
    if now_us >= limit:
        raise PkiError(
            f"the issuing authority expired at {moment(limit):%Y-%m-%d %H:%M:%S} UTC",
            hint="exchange pki department DIR NAME --renew",
        )
    return min(end, limit)


def _name(organisation: str, common_name: str) -> x509.Name:
    try:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
            ]
        )
    except ValueError as error:
        raise PkiError(f"a certificate cannot carry this name: {str(error).lower()}") from None


def _uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return x509.DNSName(text)
    except ValueError:
        raise PkiError(f"{text!r} is no host name", hint="write other alphabets in their xn-- form") from None
