"""`what SUBJECT`: all that a system, a department or the players of a role can see, and how."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from exchange.errors import RequestInvalid
from exchange.model.subject import Kind, Subject, spiffe_id
from exchange.policy.bundle import Bundle
from exchange.policy.files.vocabulary import DEPARTMENT, ROLE, SYSTEM
from exchange.policy.questions.matrix import Asker
from exchange.policy.questions.parties import Party, member_terms, parties
from exchange.policy.questions.sight import Sight, sights


def what(asker: Asker, subject: str) -> list[Sight]:
    """Everything the subject can see, as of the asker's moment.

    Args:
        asker: whose policy, and when.
        subject: `emergency/dispatch` or a SPIFFE id; `emergency` or `department:emergency` for each of its
            systems that the policy tells apart; `role:researcher` for everyone who plays it.

    Raises:
        RequestInvalid: the city has no such department or role.
    """
    return sights(asker, meant(asker.bundle, subject))


def meant(bundle: Bundle, subject: str) -> tuple[Party, ...]:
    """The parties that a steward means by a subject.

    Raises:
        RequestInvalid: the city has no such department or role, or the SPIFFE id is none.
    """
    everybody = parties(bundle)
    if subject.startswith(ROLE):
        if subject.removeprefix(ROLE) not in bundle.words.roles:
            raise RequestInvalid(f"the city declares no {subject}", hint=_offer(bundle.words.roles))
        return tuple(party for party in everybody if subject in member_terms(bundle, party))
    if subject.startswith(SYSTEM) or "/" in subject.removesuffix("/*"):
        return (party_of(bundle, subject),)
    department = subject.removesuffix("/*").removeprefix(DEPARTMENT)
    _check_department(bundle, department)
    return tuple(party for party in everybody if party.subject.department == department)


def party_of(bundle: Bundle, system: str) -> Party:
    """The party that one system is: `emergency/dispatch` or a SPIFFE id.

    Raises:
        IdentityError: it names no system of this city.
        RequestInvalid: it is no system's name, or the city has no such department.
    """
    domain = bundle.words.trust_domain
    department, _, name = system.partition("/")
    if not system.startswith(SYSTEM) and not name:
        raise RequestInvalid(
            f"{system!r} names no system", hint="write department/system, for example emergency/dispatch"
        )
    id_ = system if system.startswith(SYSTEM) else spiffe_id(domain, department, Kind.SYSTEM, name)
    subject = Subject.parse(id_, domain)
    _check_department(bundle, subject.department)
    return Party(f"{subject.department}/{subject.name}", subject)


def _check_department(bundle: Bundle, department: str) -> None:
    declared = bundle.words.departments
    if department not in declared:
        what = f"the city declares no department {department!r}"
        raise RequestInvalid(what, hint=nearest(department, declared) or _offer(declared))


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean ...?` for the known word that is most like this one; "" where none is."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""


def _offer(words: Iterable[str]) -> str:
    return f"declared are: {', '.join(sorted(words)) or 'none yet'}"
