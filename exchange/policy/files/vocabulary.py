"""`city.toml`: the words that policies may use, so that a typo is an error, not a rule that never matches."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from pydantic import Field

from exchange.errors import IdentityError, RequestInvalid
from exchange.model.base import Frozen
from exchange.model.request import check_purpose
from exchange.model.subject import CITY, Kind, Subject, is_department
from exchange.policy.files.faults import FIRST, Faults, Place, refused
from exchange.policy.files.toml_source import TomlSource

CITY_FILE = "city.toml"
ROLES_MAX = 64
_OFFERED_MAX = 12
_WILD = frozenset("*?[{")
_SUBJECT = "write department:<code>, role:<code> or the SPIFFE id of a system"
_PATTERN = "nothing is a pattern here, it would match nobody: declare a role and grant to role:<code>"
DEPARTMENT, ROLE, SYSTEM = "department:", "role:", "spiffe://"


class Titled(Frozen):
    """A declared word and what people call it."""

    title: str = Field(min_length=1, max_length=200)


class Purpose(Titled):
    """What data may be used for.

    Attributes:
        shared_pseudonyms: all who are granted this purpose see the same pseudonyms and can join (T54).
    """

    shared_pseudonyms: bool = False


class _City(Frozen):
    trust_domain: str = Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,200}[a-z0-9])?$")
    levels: list[str] = Field(min_length=1, max_length=32)
    states: list[str] = Field(min_length=1, max_length=32)
    department: dict[str, Titled] = Field(min_length=1)
    purpose: dict[str, Purpose] = Field(min_length=1)
    role: dict[str, Titled] = Field(default_factory=dict, max_length=ROLES_MAX)
    tag: dict[str, Titled] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one city.

    Attributes:
        trust_domain: under which every SPIFFE id of the city stands.
        levels: of columns, from the most open to the most protected.
        states: operating states.
        departments, purposes, roles, tags: declared codes.
    """

    trust_domain: str
    levels: tuple[str, ...]
    states: frozenset[str]
    departments: dict[str, Titled]
    purposes: dict[str, Purpose]
    roles: dict[str, Titled]
    tags: dict[str, Titled]

    def check_subject(self, term: str, place: Place) -> str:
        """The term itself, if it names a declared department, a declared role, or a system of this city.

        The three have different prefixes, so nobody can be named like a role (T27); a steward, connector or
        broker is none of them, so nobody grants data to the one who writes the rules (T39).

        Raises:
            PolicyInvalid: it names none of them.
        """
        if term.startswith(DEPARTMENT):
            self._declared(term.removeprefix(DEPARTMENT), self.departments, "department", place)
        elif term.startswith(ROLE):
            self._declared(term.removeprefix(ROLE), self.roles, "role", place)
        elif term.startswith(SYSTEM):
            self._check_system(term, place)
        else:
            raise refused(
                place,
                f"{term!r} names no subject",
                _PATTERN if set(term) & _WILD else _SUBJECT,
                term,
            )
        return term

    def check_purpose(self, code: str, place: Place) -> str:
        """The code itself, if it is a declared purpose; anything else is PolicyInvalid."""
        return self._declared(code, self.purposes, "purpose", place)

    def check_tag(self, code: str, place: Place) -> str:
        """The code itself, if it is a declared tag; anything else is PolicyInvalid."""
        return self._declared(code, self.tags, "tag", place)

    def check_level(self, code: str, place: Place) -> str:
        """The code itself, if it is a declared level; anything else is PolicyInvalid."""
        return self._declared(code, self.levels, "level", place)

    def _declared(self, code: str, words: Collection[str], kind: str, place: Place) -> str:
        if code in words:
            return code
        near = difflib.get_close_matches(code, words, n=1)
        listed = sorted(words)[:_OFFERED_MAX]
        more = f" and {len(words) - len(listed)} more" if len(words) > len(listed) else ""
        known = f"declared are: {', '.join(listed) or 'none yet'}{more}"
        mend = f"did you mean {near[0]!r}? {known}" if near else known
        if set(code) & _WILD:
            mend = f"nothing is a pattern here, it would match nothing; {known}"
        raise refused(place, f"{kind} {code!r} is not declared in {CITY_FILE}", mend, code)

    def _check_system(self, term: str, place: Place) -> None:
        try:
            subject = Subject.parse(term, self.trust_domain)
        except IdentityError as error:
            raise refused(
                place, f"{term!r}: {error.public}", "copy the id from the certificate", term
            ) from None
        if subject.kind is not Kind.SYSTEM:
            raise refused(place, f"a {subject.kind} cannot be granted data", "grant it to a system", term)
        self._declared(subject.department, self.departments, "department", place)


def parse_city(content: bytes, faults: Faults = FIRST) -> Vocabulary:
    """The vocabulary of `city.toml`.

    Raises:
        PolicyInvalid: malformed, or a code that could not be matched; names the line.
    """
    source = TomlSource(CITY_FILE, content, faults)
    city = source.salvage(_City, faults)
    for code in city.department:
        if not is_department(code) or code == CITY:
            place, what = source.place(("department", code)), f"{code!r} cannot name a department"
            faults.add(refused(place, what, "use a lower-case DNS label other than city", code))
    words: dict[str, Collection[str]] = {"purpose": city.purpose, "role": city.role, "tag": city.tag}
    for table, codes in words.items():
        for code in codes:
            _check_code(code, source.place((table, code)), faults)
        _check_alike(codes, source, table, faults)
    for key, listed in {"levels": city.levels, "states": city.states}.items():
        for code in listed:
            _check_code(code, source.place((key,)), faults)
        twice = [code for code in listed if listed.count(code) > 1]
        if twice:
            place = source.place((key,))
            faults.add(refused(place, f"`{key}` names one twice", "name each once", twice[0]))
    return Vocabulary(
        city.trust_domain,
        tuple(city.levels),
        frozenset(city.states),
        city.department,
        city.purpose,
        city.role,
        city.tag,
    )


def _check_code(code: str, place: Place, faults: Faults) -> None:
    try:
        check_purpose(code)
    except RequestInvalid:
        faults.add(refused(place, f"{code!r} cannot be a code", "use letters, digits, - and _", code))
        return
    folded = unicodedata.normalize("NFKC", code)
    if folded != code:
        faults.add(refused(place, f"{code!r} looks like {folded!r}", "write it with plain characters", code))


def _check_alike(codes: Collection[str], source: TomlSource, table: str, faults: Faults) -> None:
    """Two words that a reader takes for one: one of them would be granted by mistake."""
    seen: dict[str, str] = {}
    for code in codes:
        first = seen.setdefault(code.casefold().replace("_", "-"), code)
        if first != code:
            what = f"{code!r} is nearly {first!r}"
            faults.add(refused(source.place((table, code)), what, "keep one of the two", code))
