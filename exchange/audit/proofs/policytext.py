"""The text of a trust policy (c2sp.org/tlog-policy), read strictly: an error names its line and the mend."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from exchange.audit.proofs.note import SignatureType, VerifierKey
from exchange.errors import ConfigError

NONE = "none"
BYTES_MAX = 1 << 20
ENTRIES_MAX = 256
"""Of logs, of witnesses and of groups; the spec asks for 32 at least."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")
_SPACE = re.compile(r"[ \t]+")
_WORDS = {"log": (2, 3), "witness": (3, 4), "group": (4, 3 + 2 * ENTRIES_MAX), "quorum": (2, 2)}
_FORMS = {
    "log": "log <key> [<url>]",
    "witness": "witness <name> <key> [<url>]",
    "group": "group <name> all|any|<number> <member>...",
    "quorum": "quorum <witness or group>|none",
}


@dataclass(frozen=True)
class Group:
    """Witnesses, which count as one when so many of them cosigned.

    Attributes:
        needed: of the members.
        members: names of witnesses and of other groups.
    """

    needed: int
    members: tuple[str, ...]


@dataclass
class PolicyText:
    """What the lines say; `TrustPolicy` explains the fields."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = ""
    urls: dict[str, str] = field(default_factory=dict)


class _Refused(Exception):
    """What is wrong with a line, and the mend."""


def parse_policy(text: str | bytes) -> PolicyText:
    """What the text says.

    Args:
        text: octets above ASCII are opaque, as the spec asks: no two spellings of a name are the same.

    Raises:
        ConfigError: malformed; it names the line and the mend.
    """
    plain = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
    if len(plain) > BYTES_MAX:
        raise ConfigError(f"a trust policy has at most {BYTES_MAX:,} characters")
    reader = _Reader()
    for number, line in enumerate(plain.split("\n"), 1):
        try:
            reader.line(line)
        except _Refused as error:
            what, mend = error.args
            raise ConfigError(f"trust policy, line {number}: {what}", hint=mend) from None
    if not reader.found.quorum:
        raise ConfigError(
            "the trust policy has no quorum line", hint="end it with `quorum <name>`, or `none`"
        )
    if not reader.found.logs:
        raise ConfigError("the trust policy names no log", hint="add `log <key>`, the log's public key")
    return reader.found


class _Reader:
    """Takes one line after the other."""

    def __init__(self) -> None:
        self.found = PolicyText()
        self._members: set[str] = set()

    def line(self, line: str) -> None:
        if _CONTROL.search(line):
            raise _Refused(
                "it holds a control character", "only tabs are allowed; lines end in a plain newline"
            )
        words = [word for word in _SPACE.split(line) if word]
        if not words or words[0].startswith("#"):
            return
        keyword, *rest = words
        if keyword not in _WORDS:
            raise _Refused(
                f"{shown(keyword)} is no keyword", "lines begin with log, witness, group or quorum"
            )
        least, most = _WORDS[keyword]
        if not least <= len(words) <= most:
            raise _Refused(f"it has {len(words)} words", f"write `{_FORMS[keyword]}`")
        getattr(self, f"_{keyword}")(*rest)

    def _log(self, key: str, url: str = "") -> None:
        parsed = self._key(key, SignatureType.ED25519)
        if any(parsed.name == other.name for other in self.found.logs):
            raise _Refused(f"the log {shown(parsed.name)} stands in a line above", "keep one of the two")
        self._room(len(self.found.logs))
        self.found.logs.append(parsed)
        self._url(parsed.name, url)

    def _witness(self, name: str, key: str, url: str = "") -> None:
        self._new(name)
        parsed = self._key(key, SignatureType.COSIGNATURE)
        self._room(len(self.found.witnesses))
        self.found.witnesses[name] = parsed
        self._url(name, url)

    def _group(self, name: str, needed: str, *members: str) -> None:
        self._new(name)
        self._room(len(self.found.groups))
        for member in members:
            self._known(member)
            # Else one witness could count twice towards a quorum.
            if member in self._members:
                raise _Refused(
                    f"{shown(member)} is a member already",
                    "each witness and group is a member of one group, once",
                )
            self._members.add(member)
        number = {"all": len(members), "any": 1}.get(needed)
        if number is None:
            number = int(needed) if _COUNT.fullmatch(needed) else 0
        if not 1 <= number <= len(members):
            raise _Refused(
                f"{shown(needed)} of {len(members)} members cannot be",
                "write all, any, or a number up to that",
            )
        self.found.groups[name] = Group(number, members)

    def _quorum(self, name: str) -> None:
        if self.found.quorum:
            raise _Refused("there is a quorum line above", "keep one of the two")
        if name != NONE:
            self._known(name)
        self.found.quorum = name

    def _key(self, text: str, kind: SignatureType) -> VerifierKey:
        try:
            parsed = VerifierKey.parse(text, kind)
        except ConfigError as error:
            raise _Refused(
                error.public, error.hint or "copy the key anew from whoever published it"
            ) from None
        raw = parsed.public.public_bytes_raw()
        # A log that is its own witness would make a quorum of nobody else.
        for other in (*self.found.logs, *self.found.witnesses.values()):
            if raw == other.public.public_bytes_raw():
                raise _Refused(
                    f"this is the key of {shown(other.name)} in a line above",
                    "each log and witness has its own key",
                )
        return parsed

    def _new(self, name: str) -> None:
        if name == NONE or name in self.found.witnesses or name in self.found.groups:
            raise _Refused(f"the name {shown(name)} is taken", "witnesses and groups have names of their own")

    def _known(self, name: str) -> None:
        if name not in self.found.witnesses and name not in self.found.groups:
            raise _Refused(
                f"{shown(name)} is no witness or group above", "define it in a line before this one"
            )

    def _url(self, name: str, url: str) -> None:
        if url:
            self.found.urls[name] = url

    @staticmethod
    def _room(count: int) -> None:
        if count >= ENTRIES_MAX:
            raise _Refused(f"there are more than {ENTRIES_MAX} of them", "use fewer")


def shown(name: str) -> str:
    """A name for people, whatever octets it has."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in name)
