"""Names that a person takes for another name (T46): letters of two alphabets in one word, or twins."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from exchange.policy.files.department import DepartmentPart
from exchange.policy.files.faults import Faults, Place, refused

_WORD = re.compile(r"\w+")
_ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
_TWINS = str.maketrans("аеорсухіјѕԁһԛԝνοικρτυ", "aeopcyxijsdhqwvoikptu")
"""Letters that most typefaces draw like a Latin one."""


def check_look_alikes(part: DepartmentPart, faults: Faults) -> None:
    """Hand in names of datasets, groups and columns that look like others."""
    groups = {link.parent: link.place for link in part.grants.groups.links}
    datasets = {id_: dataset.place for id_, dataset in part.datasets.items()}
    _check(groups | datasets, faults)
    for dataset in part.datasets.values():
        _check(dict.fromkeys(dataset.facts.columns, dataset.place), faults)


def _check(names: dict[str, Place], faults: Faults) -> None:
    seen: dict[str, str] = {}
    for name, place in names.items():
        if alphabets := _mixed(name):
            shown = " and ".join(alphabet.capitalize() for alphabet in alphabets)
            mend = f"write {skeleton(name)!r} if that is what is meant"
            faults.add(refused(place, f"{name!r} mixes {shown} letters in one word", mend, name))
        first = seen.setdefault(skeleton(name), name)
        if first != name:
            what = f"{name!r} looks like {first!r}"
            faults.add(refused(place, what, "give one of the two another name", name))


def skeleton(name: str) -> str:
    """What the name looks like: compatibility forms, case and look-alike letters folded."""
    return unicodedata.normalize("NFKC", name).casefold().translate(_TWINS)


def _mixed(name: str) -> list[str]:
    """The alphabets of a word that has more than one; Chinese beside any of them is no disguise."""
    for word in _WORD.findall(name):
        found = _alphabets(word)
        if len(found) > 1:
            return found
    return []


def _alphabets(word: Iterable[str]) -> list[str]:
    names = (unicodedata.name(c, "").split(" ")[0] for c in word if not c.isascii() or c.isalpha())
    return [alphabet for alphabet in dict.fromkeys(names) if alphabet in _ALPHABETS]
