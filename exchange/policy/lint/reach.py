"""Rules that reach nobody or nothing: they read as if they protected or opened something, and never match."""

from __future__ import annotations

from collections.abc import Iterator

from exchange.policy.files.department import DepartmentPart
from exchange.policy.files.faults import Faults, Place, refused
from exchange.policy.files.roles import ROLES_FILE
from exchange.policy.files.rules import ObligationRule
from exchange.policy.files.toml_source import TomlSource
from exchange.policy.files.vocabulary import CITY_FILE, ROLE
from exchange.policy.lint.reading import Reading
from exchange.policy.lint.shadowing import Closure


def check_roles(reading: Reading, faults: Faults) -> None:
    """Warn of declared roles that nobody plays."""
    if {CITY_FILE, ROLES_FILE} & reading.faulty:
        return
    source = TomlSource(CITY_FILE, reading.files[CITY_FILE])
    for code in reading.words.roles:
        if not _played(reading, f"{ROLE}{code}"):
            mend = f"name who plays it in {ROLES_FILE}, or remove it"
            faults.warn(source.place(("role", code)), f"nobody plays role {code!r}", mend, code)


def _played(reading: Reading, term: str) -> bool:
    return any(not name.startswith(ROLE) for name in reading.roles.members(term))


def check_grants(part: DepartmentPart, reading: Reading, faults: Faults) -> None:
    """Hand in grants to roles that nobody plays, the first line for each role."""
    grants = part.grants
    lonely = {
        term
        for term in set[str]().union(*grants.cells.values())
        if term.startswith(ROLE) and not _played(reading, term)
    }
    first: dict[str, Place] = {}
    for grant in grants if lonely else ():
        if grant.subject in lonely:
            first[grant.subject] = min(grant.place, first.get(grant.subject, grant.place))
    for term, place in first.items():
        mend = f"name who plays it in {ROLES_FILE}, or grant to another"
        faults.add(refused(place, f"nobody plays {term}, so the line never matches", mend, term))


def check_groups(part: DepartmentPart, reading: Reading, faults: Faults) -> None:
    """Warn of groups of datasets that no rule names."""
    text = reading.files.get(f"departments/{part.name}/obligations.toml", b"").decode("utf-8", "replace")
    links = part.grants.groups.links
    children = {link.child for link in links}
    for group, place in {link.parent: link.place for link in reversed(links)}.items():
        if group not in part.grants.cells and group not in children and f'"{group}"' not in text:
            what = f"no grant and no obligation names group {group!r}"
            faults.warn(place, what, "grant to the group, or remove it", group)


def check_obligations(part: DepartmentPart, closure: Closure, faults: Faults) -> None:
    """Hand in obligations that no grant can ever bring into play."""
    by_id: dict[str, list[tuple[str, ObligationRule]]] = {}
    for dataset, rules in part.obligations.items():
        for rule in rules:
            by_id.setdefault(rule.demand.id, []).append((dataset, rule))
    known: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for reached in by_id.values():
        if not any(_reaches(rule, _allowed(part, dataset, known), closure) for dataset, rule in reached):
            place, name = reached[0][1].place, reached[0][1].demand.id.rpartition("#")[2]
            what = f"obligation {name!r} matches no grant: nobody reads these datasets so"
            faults.add(refused(place, what, "mend its subjects and purposes, or remove it", name))


def _allowed(
    part: DepartmentPart, dataset: str, known: dict[tuple[str, ...], list[tuple[str, str]]]
) -> list[tuple[str, str]]:
    """(subject, purpose) of every grant on the dataset or a group of it."""
    names = part.grants.groups.terms(dataset)
    if names not in known:
        known[names] = list(_pairs(part, names))
    return known[names]


def _pairs(part: DepartmentPart, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        for term in part.grants.cells.get(name, ()):
            for grant in part.grants.rules[name, term]:
                if grant.effect == "allow":
                    yield grant.subject, grant.purpose


def _reaches(rule: ObligationRule, allowed: list[tuple[str, str]], closure: Closure) -> bool:
    return any(
        (not rule.purposes or purpose in rule.purposes)
        and (not rule.subjects or any(closure.overlap(subject, term) for term in rule.subjects))
        for subject, purpose in allowed
    )
