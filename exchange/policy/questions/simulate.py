"""Old policy against new: over the whole matrix, and over the requests that were really made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from exchange.model.obligation import Obligations
from exchange.policy.bundle import Bundle
from exchange.policy.questions.difference import Change, difference
from exchange.policy.questions.matrix import Answer, Asked, Asker, opened
from exchange.policy.questions.parties import Party, parties
from exchange.policy.questions.recorded import Recorded
from exchange.policy.questions.steady import Steady


@dataclass(frozen=True, slots=True)
class Shift:
    """One question that the two policies answer differently.

    Attributes:
        party: who asks, by label.
        dataset, purpose, state: of the question.
        changes: what differs.
        sees: the obligations under the new policy; None where it refuses.
        requests: how many recorded requests asked it; 0 in the matrix.
    """

    party: str
    dataset: str
    purpose: str
    state: str
    changes: tuple[Change, ...]
    sees: Obligations | None
    requests: int = 0


def over_matrix(old: Asker, new: Asker) -> Iterator[Shift]:
    """Every cell that is answered differently; asks only where the two policies can differ."""
    everybody = parties(old.bundle, new.bundle)
    changed = _changed(old.bundle, new.bundle)
    cells = opened(old.bundle, everybody, changed) | opened(new.bundle, everybody, changed)
    states = sorted(old.bundle.words.states | new.bundle.words.states)
    steady = Steady(old, new)
    for cell in sorted(filter(steady.may_differ, cells), key=lambda cell: (cell[1], cell[0].label, cell[2])):
        for state in states:
            yield from _shift(old, new, Asked(*cell, state))


def over_recorded(old: Asker, new: Asker, requests: Mapping[Recorded, int]) -> Iterator[Shift]:
    """Every recorded question that is answered differently now, each asked in the city's state of then.

    A policy that does not declare that state refuses.

    Args:
        old: the policy before.
        new: the policy after.
        requests: how often each was made.
    """
    for one, count in requests.items():
        for shift in _shift(old, new, _asked(old, one), one.reads):
            yield replace(shift, requests=count)


def _asked(old: Asker, one: Recorded) -> Asked:
    """The question; an allowed one whose columns are all there were is taken to have asked for all."""
    party = Party(f"{one.subject.department}/{one.subject.name}", one.subject)
    whole = Asked(party, one.dataset, one.purpose, one.state)
    if one.allowed and one.columns == _names(old.ask(whole).obligations):
        return whole
    return replace(whole, columns=one.columns)


def _names(obligations: Obligations | None) -> tuple[str, ...]:
    return tuple(rule.name for rule in obligations.columns) if obligations is not None else ()


def _shift(old: Asker, new: Asker, asked: Asked, reads: tuple[str, ...] = ()) -> Iterator[Shift]:
    before, after = (_answer(one, asked, reads) for one in (old, new))
    changes = difference(before, after)
    if changes:
        label = asked.party.label
        yield Shift(label, asked.dataset, asked.purpose, asked.state, changes, after.obligations)


def _answer(asker: Asker, asked: Asked, reads: tuple[str, ...]) -> Answer:
    answer = asker.ask(asked)
    if answer.obligations is None or not reads:
        return answer
    whole = asker.ask(replace(asked, columns=())).obligations
    hidden = [name for name in reads if name not in _names(whole)]
    return Answer(None, f"predicate reads {hidden[0]}") if hidden else answer


def _changed(old: Bundle, new: Bundle) -> set[str]:
    """The datasets of departments whose part differs; a part's key covers the city's files, too."""
    keys = [{name: part.key for name, part in bundle.parts.items()} for bundle in (old, new)]
    departments = {name for name in {**keys[0], **keys[1]} if keys[0].get(name) != keys[1].get(name)}
    return {
        id_
        for bundle in (old, new)
        for name in departments & bundle.parts.keys()
        for id_ in bundle.parts[name].datasets
    }
