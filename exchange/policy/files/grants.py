"""`grants.csv` and `roles.csv`: the lines that Casbin judges by, each with its file and line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from exchange.errors import RequestInvalid
from exchange.model.dataset import check_dataset_id
from exchange.policy.files.hierarchy import Hierarchy, Link
from exchange.policy.files.source import Place, csv_lines, decode, refused
from exchange.policy.files.vocabulary import ROLE, Vocabulary

ACTION = "read"
EFFECTS = frozenset({"allow", "deny"})
ROLES_FILE = "baseline/roles.csv"


class Grant(NamedTuple):
    """One `p` line, in the order of the model's policy definition."""

    subject: str
    object: str
    action: str
    purpose: str
    effect: str
    place: Place


@dataclass(frozen=True, slots=True)
class GrantIndex:
    """A department's grants, found by what they speak of instead of by reading them all.

    Attributes:
        rules: (dataset or group, subject term) -> the grants that name both.
        groups: dataset -> dataset group.
        objects: subject term -> the datasets and groups it is named with.
    """

    rules: dict[tuple[str, str], tuple[Grant, ...]]
    groups: Hierarchy
    objects: dict[str, frozenset[str]]

    @classmethod
    def of(cls, grants: list[Grant], groups: Hierarchy) -> GrantIndex:
        """Index the grants."""
        rules: dict[tuple[str, str], tuple[Grant, ...]] = {}
        objects: dict[str, set[str]] = {}
        for grant in grants:
            key = (grant.object, grant.subject)
            rules[key] = (*rules.get(key, ()), grant)
            objects.setdefault(grant.subject, set()).add(grant.object)
        return cls(rules, groups, {term: frozenset(named) for term, named in objects.items()})


def parse_roles(content: bytes, words: Vocabulary) -> Hierarchy:
    """The city's roles; only the city says who plays which.

    Raises:
        PolicyInvalid: an unknown kind of line, an undeclared word, a circle or too deep a chain.
    """
    links: dict[tuple[str, str], Link] = {}
    for place, fields in csv_lines(ROLES_FILE, decode(ROLES_FILE, content)):
        if fields[0] != "g" or len(fields) != len(Link._fields):
            raise refused(place, "a role line reads g, subject, role:<code>", "mend or remove the line")
        child, role = words.check_subject(fields[1], place), words.check_subject(fields[2], place)
        if not role.startswith(ROLE):
            raise refused(place, f"{role!r} is not a role", "only role:<code> can be inherited from (T27)")
        if (child, role) in links:
            raise refused(place, f"the line repeats line {links[child, role].place.line}", "remove one")
        links[child, role] = Link(child, role, place)
    return Hierarchy(links.values())


def parse_grants(
    file: str, content: bytes, *, department: str, datasets: frozenset[str], words: Vocabulary
) -> GrantIndex:
    """A department's `p` and `g2` lines.

    Raises:
        PolicyInvalid: anything that Casbin would skip or misread, and whatever is not the department's own.
    """
    grants: dict[tuple[str, ...], Grant] = {}
    links: list[Link] = []
    for place, fields in csv_lines(file, decode(file, content)):
        if fields[0] == "p":
            grant = _grant(fields, place, words)
            if (first := grants.setdefault(grant[:-1], grant)) is not grant:
                raise refused(
                    place, f"the line repeats line {first.place.line}", "remove one, or revoking fails"
                )
        elif fields[0] == "g2":
            links.append(_group_link(fields, place, department))
        elif fields[0] == "g":
            raise refused(place, "only the city defines roles", f"ask for it in {ROLES_FILE}")
        else:
            raise refused(place, f"unknown kind of line {fields[0]!r}", "lines begin with p or g2")
    groups = Hierarchy(links)
    _check_objects(grants, links, department, datasets)
    return GrantIndex.of(list(grants.values()), groups)


def _grant(fields: list[str], place: Place, words: Vocabulary) -> Grant:
    if len(fields) != len(Grant._fields):
        raise refused(
            place, f"the line has {len(fields)} fields", "p, subject, dataset, read, purpose, allow or deny"
        )
    _, subject, named, action, purpose, effect = fields
    words.check_subject(subject, place)
    words.check_purpose(purpose, place)
    if action != ACTION:
        raise refused(place, f"unknown action {action!r}", f"the only action is {ACTION}")
    if effect not in EFFECTS:
        raise refused(place, f"unknown effect {effect!r}", "write allow or deny, in lower case")
    return Grant(subject, named, action, purpose, effect, place)


def _group_link(fields: list[str], place: Place, department: str) -> Link:
    if len(fields) != len(Link._fields):
        raise refused(place, f"the line has {len(fields)} fields", "g2, dataset, group")
    return Link(own(fields[1], department, place), own(fields[2], department, place), place)


def _check_objects(
    grants: dict[tuple[str, ...], Grant], links: list[Link], department: str, datasets: frozenset[str]
) -> None:
    groups = {link.parent for link in links}
    for link in links:
        if link.parent in datasets:
            raise refused(
                link.place, f"{link.parent!r} is a dataset, not a group", "name the group otherwise"
            )
        if link.child not in datasets and link.child not in groups:
            raise refused(link.place, f"unknown dataset {link.child!r}", "describe it in datasets.toml")
    for grant in grants.values():
        own(grant.object, department, grant.place)
        if grant.object not in datasets and grant.object not in groups:
            raise refused(grant.place, f"unknown dataset {grant.object!r}", "describe it in datasets.toml")


def own(name: str, department: str, place: Place) -> str:
    """The dataset or group name itself, if it is well-formed and the department's own.

    Raises:
        PolicyInvalid: it is neither: a department speaks of its own datasets only (T28, T39).
    """
    try:
        check_dataset_id(name)
    except RequestInvalid:
        raise refused(
            place, f"{name!r} is not a dataset id", f"write {department}.<name>, no patterns"
        ) from None
    if name.partition(".")[0] != department:
        raise refused(
            place,
            f"{name!r} is not {department}'s own",
            "a department's files speak of its own datasets only",
        )
    return name
