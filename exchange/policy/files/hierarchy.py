"""Who inherits from whom (Casbin's `g` and `g2`), closed under inheritance once at load."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from exchange.policy.files.faults import FIRST, Faults, Place, Refusal, refused

LINKS_MAX = 9
"""Casbin's role manager looks at ten names in a chain and silently forgets the rest (T29)."""
LINKS_TOTAL_MAX = 20_000
"""Closing them costs at most this for each name and level; far more than any department's groups need."""


class Link(NamedTuple):
    """`child` inherits everything said of `parent`."""

    child: str
    parent: str
    place: Place


class Hierarchy:
    """The links, and for each name everything it inherits from; immutable, shared between threads."""

    def __init__(self, links: Iterable[Link], faults: Faults = FIRST) -> None:
        """Close the links.

        Raises:
            PolicyInvalid: a circle, or a chain of more than ten names (T29); names the line of one link.
        """
        self.links = tuple(links)
        if len(self.links) > LINKS_TOTAL_MAX:
            raise refused(
                self.links[LINKS_TOTAL_MAX].place,
                f"more than {LINKS_TOTAL_MAX:,} lines say who belongs to whom",
                "grant to fewer, larger groups",
            )
        parents: dict[str, list[Link]] = {}
        for link in self.links:
            parents.setdefault(link.child, []).append(link)
        self._ancestors: dict[str, tuple[str, ...]] = {}
        told: set[str] = set()
        for child in parents:
            found, last = _ancestors(child, parents)
            if last is None:
                self._ancestors[child] = found
            elif told.isdisjoint(found):  # one circle is one fault, not one for each name in it
                faults.add(_endless(child, found, last))
                told.update(found)

    def terms(self, *names: str) -> tuple[str, ...]:
        """The names and all that they inherit from, each once, nearest first."""
        found = dict.fromkeys(names)
        for name in names:
            found.update(dict.fromkeys(self._ancestors.get(name, ())))
        return tuple(found)

    def has_link(self, name: str, ancestor: str) -> bool:
        """Casbin's `g(name, ancestor)`: the same name, or inherited."""
        return name == ancestor or ancestor in self._ancestors.get(name, ())

    def members(self, group: str) -> frozenset[str]:
        """Every name that inherits from the group."""
        return frozenset(child for child, found in self._ancestors.items() if group in found)


def _ancestors(name: str, parents: dict[str, list[Link]]) -> tuple[tuple[str, ...], Link | None]:
    """All that the name inherits from, and a link beyond the depth that Casbin looks at, if there is one."""
    found: dict[str, None] = {}
    level, depth = parents[name], 0
    while level:
        depth += 1
        if depth > LINKS_MAX:
            return tuple(found), level[0]
        found.update(dict.fromkeys(link.parent for link in level))
        # each name once: over how many paths it is reached would multiply with every step
        uppers = dict.fromkeys(link.parent for link in level)
        level = [link for upper in uppers for link in parents.get(upper, ())]
    return tuple(found), None


def _endless(name: str, found: tuple[str, ...], link: Link) -> Refusal:
    what = f"the chain of roles from {name!r} is circular or longer than {LINKS_MAX + 1} names"
    around = f": it comes back to {name!r}" if name in found else ""
    return refused(link.place, what, f"remove a link from the chain{around}", link.parent)
