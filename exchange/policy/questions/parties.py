"""Who can be asked about: every system a policy tells apart from the others of its department."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import lru_cache

from exchange.errors import IdentityError
from exchange.model.subject import Kind, Subject, is_actor_name, spiffe_id
from exchange.policy.bundle import Bundle
from exchange.policy.decide import department_term
from exchange.policy.engines.rego_ast import Node, literal_text, nodes, parse_module, path_of
from exchange.policy.engines.rego_check import RegoModule
from exchange.policy.files.vocabulary import SYSTEM

_ANY = "any-other-system"
_IDENTIFYING = frozenset({"input.subject.id", "input.subject.name"})


@dataclass(frozen=True, slots=True)
class Party:
    """A system that some rule names, or `<department>/*`: any system of it that no rule names.

    Attributes:
        label: `emergency/dispatch`, or `emergency/*`.
        subject: as its certificate would say; for `*` one whose name occurs in no rule.
    """

    label: str
    subject: Subject


def parties(*bundles: Bundle) -> tuple[Party, ...]:
    """Everybody these bundles tell apart, so that one bundle can be compared with another over all of them.

    Exact unless a condition matches names by pattern: `by_pattern` says so.
    """
    named = {subject for bundle in bundles for subject in _named(bundle)}
    taken = {subject.name for subject in named}
    found = {one.id: Party(f"{one.department}/{one.name}", one) for one in named}
    for bundle in bundles:
        for department in bundle.words.departments:
            party = _anybody(bundle, department, taken)
            found.setdefault(party.subject.id, party)
    return tuple(sorted(found.values(), key=lambda party: (party.label, party.subject.id)))


def by_pattern(*bundles: Bundle) -> bool:
    """Whether a condition hands a system's id or name to a function, so that parties may hide differences."""
    return any(_identity(module).in_calls for bundle in bundles for module in _modules(bundle))


def _anybody(bundle: Bundle, department: str, taken: Container[str]) -> Party:
    name = _ANY
    while name in taken:
        name += "0"
    id_ = spiffe_id(bundle.words.trust_domain, department, Kind.SYSTEM, name)
    return Party(f"{department}/*", Subject.parse(id_, bundle.words.trust_domain))


def _named(bundle: Bundle) -> Iterator[Subject]:
    domain = bundle.words.trust_domain
    terms = {link.child for link in bundle.roles.links}
    for part in bundle.parts.values():
        terms.update(part.grants.objects)
        for rules in part.obligations.values():
            terms.update(term for rule in rules for term in rule.subjects)
    for module in _modules(bundle):
        texts = _identity(module).texts
        terms.update(texts)
        for name in filter(is_actor_name, texts):
            terms.update(spiffe_id(domain, one, Kind.SYSTEM, name) for one in bundle.words.departments)
    for term in terms:
        try:
            subject = Subject.parse(term, domain) if term.startswith(SYSTEM) else None
        except IdentityError:
            continue
        if subject is not None and subject.kind is Kind.SYSTEM:
            yield subject


def _modules(bundle: Bundle) -> Iterator[RegoModule]:
    yield bundle.rego
    yield from (part.conditions for part in bundle.parts.values() if part.conditions is not None)


@dataclass(frozen=True, slots=True)
class _Identity:
    """The texts in a module that reads who asks, none if it does not; whether it hands that to a function."""

    texts: frozenset[str]
    in_calls: bool


@lru_cache(maxsize=1024)
def _identity(module: RegoModule) -> _Identity:
    if "subject" not in module.text:
        return _Identity(frozenset(), in_calls=False)
    found = list(nodes(parse_module(module.file, module.text)))
    if not any(_reads(kind, node) for kind, node in found):
        return _Identity(frozenset(), in_calls=False)
    texts = (literal_text({kind: node}) for kind, node in found if kind in {"String", "RawString"})
    calls = (node for kind, node in found if kind == "Call")
    return _Identity(
        frozenset(text for text in texts if text),
        any(_reads(kind, node) for call in calls for kind, node in nodes(call["params"])),
    )


def _reads(kind: str, node: Node) -> bool:
    return kind in {"RefDot", "RefBrack"} and path_of({kind: node}) in _IDENTIFYING


def member_terms(bundle: Bundle, party: Party) -> tuple[str, ...]:
    """The terms by which grants can mean this party: itself, its department, its roles."""
    return bundle.grants.terms(party.subject.id, department_term(party.subject))
