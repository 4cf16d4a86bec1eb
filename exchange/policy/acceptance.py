"""What a publication must show besides that it loads: it fits its broker, its checks pass, its cases hold."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from exchange.errors import PolicyInvalid
from exchange.model.clock import Clock
from exchange.model.subject import CITY
from exchange.policy.bundle import Bundle
from exchange.policy.engines.choice import HERE
from exchange.policy.files.tree import DEPARTMENTS, PolicyTree, own_part
from exchange.policy.files.vocabulary import CITY_FILE
from exchange.policy.lint.check import check
from exchange.policy.lint.locate import Finding
from exchange.policy.suite.gate import run_cases


@dataclass(frozen=True, slots=True)
class Candidate:
    """What shall take effect: whose part it replaces, the bundle, all its files, and those before."""

    department: str
    bundle: Bundle
    files: PolicyTree
    before: PolicyTree


class Acceptance:
    """Judges candidates for one broker.

    Args:
        trust_domain, operating_state: the broker's own; with a vocabulary that lacks them it could not start.
        clock: dates are judged against it.
    """

    def __init__(self, trust_domain: str, operating_state: str, clock: Clock) -> None:
        self._trust_domain = trust_domain
        self._operating_state = operating_state
        self._clock = clock

    def check(self, candidate: Candidate) -> None:
        """Nothing, if the candidate may take effect.

        Raises:
            PolicyInvalid: the first thing that keeps it from that, and how many more there are.
        """
        check_city(candidate.bundle, self._trust_domain, self._operating_state)
        now = dt.datetime.fromtimestamp(self._clock.now_us() / 1e6, dt.UTC)
        findings = _own_findings(candidate, now)
        if findings:
            first = findings[0]
            raise PolicyInvalid(
                f"{first.file}:{first.line}: {first.what}{_more(len(findings))}", hint=first.mend
            )
        failures = run_cases(candidate.bundle, candidate.files)
        if failures:
            raise PolicyInvalid(
                f"{failures[0]}{_more(len(failures))}",
                hint="exchange policy test shows them all",
                reason="cases-failed",
            )


def check_city(bundle: Bundle, trust_domain: str, operating_state: str) -> None:
    """The broker serves this trust domain in this state; with another vocabulary it could not start again.

    Raises:
        PolicyInvalid: names what the vocabulary must keep.
    """
    if bundle.words.trust_domain != trust_domain:
        raise PolicyInvalid(
            f"{CITY_FILE}:1: `trust_domain` must be {trust_domain}",
            hint="the city's certificates and its broker go by this name",
        )
    if operating_state not in bundle.words.states:
        raise PolicyInvalid(
            f"{CITY_FILE}:1: `states` must hold {operating_state!r}, the broker's `operating_state`",
            hint=f"declared are: {', '.join(sorted(bundle.words.states))}",
        )


def _own_findings(candidate: Candidate, now: dt.datetime) -> list[Finding]:
    """Errors that this publication answers for.

    Conditions are tried in this process: whoever loaded the candidate has put the very same question to them
    where they can end nothing.

    A department answers for its own files. The city answers for its own and for what its words would break in
    others'; a grant of theirs that has expired meanwhile does not keep the city from publishing.
    """
    if candidate.department == CITY:
        known = {(one.file, one.what) for one in check(candidate.before, now, engine=HERE).errors}
        found = check(candidate.files, now, engine=HERE).errors
        own = (one for one in found if not one.file.startswith(f"{DEPARTMENTS}/"))
        return [*own, *(one for one in found if _theirs(one) and (one.file, one.what) not in known)]
    folder = f"{DEPARTMENTS}/{candidate.department}/"
    # parts are checked one by one: the others' need not be read again
    relevant = own_part(candidate.files, CITY) | {
        path: content for path, content in candidate.files.items() if path.startswith(folder)
    }
    return [one for one in check(relevant, now, engine=HERE).errors if one.file.startswith(folder)]


def _theirs(finding: Finding) -> bool:
    return finding.file.startswith(f"{DEPARTMENTS}/")


def _more(count: int) -> str:
    return f" (and {count - 1} more)" if count > 1 else ""
