"""`baseline/roles.csv`: who plays which role; only the city says so."""

from __future__ import annotations

from exchange.policy.files.faults import FIRST, Faults, refused
from exchange.policy.files.hierarchy import Hierarchy, Link
from exchange.policy.files.source import csv_lines, decode
from exchange.policy.files.vocabulary import ROLE, Vocabulary

ROLES_FILE = "baseline/roles.csv"


def parse_roles(content: bytes, words: Vocabulary, faults: Faults = FIRST) -> Hierarchy:
    """The city's roles.

    Raises:
        PolicyInvalid: an unknown kind of line, an undeclared word, a circle or too deep a chain.
    """
    links: dict[tuple[str, str], Link] = {}
    for place, fields in csv_lines(ROLES_FILE, decode(ROLES_FILE, content, faults), faults):
        with faults.catching():
            if fields[0] != "g" or len(fields) != len(Link._fields):
                raise refused(place, "a role line reads g, subject, role:<code>", "mend or remove the line")
            child, role = words.check_subject(fields[1], place), words.check_subject(fields[2], place)
            if not role.startswith(ROLE):
                mend = "only role:<code> can be inherited from (T27)"
                raise refused(place, f"{role!r} is not a role", mend, role)
            if (child, role) in links:
                raise refused(place, f"the line repeats line {links[child, role].place.line}", "remove one")
            links[child, role] = Link(child, role, place)
    return Hierarchy(links.values(), faults)
