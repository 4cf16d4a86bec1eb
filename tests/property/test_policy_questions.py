"""`who`, `what` and `simulate` equal brute force over `decide`, on random small policies."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from small_city import DATASETS, FILES, GRANTS, NOON, OBLIGATIONS, REGO, ROLES, TRUST_DOMAIN, files

from exchange.errors import PolicyInvalid
from exchange.model.request import ReadRequest
from exchange.model.subject import Subject
from exchange.policy.bundle import Bundle, load
from exchange.policy.decide import decide
from exchange.policy.facts import Facts
from exchange.policy.questions.assumed import Schemas
from exchange.policy.questions.difference import Change, Way, difference
from exchange.policy.questions.matrix import Answer, Asked, Asker
from exchange.policy.questions.parties import parties
from exchange.policy.questions.simulate import over_matrix
from exchange.policy.questions.steady import Steady
from exchange.policy.questions.what import what
from exchange.policy.questions.who import who

SHIPS = """
[dataset."port.ships"]
title = "船"
sharing = "unconditional"
grade = "core"
update_cycle = "daily"
[dataset."port.ships".columns]
origin = { level = "public" }
tailnum = { level = "sensitive", tags = ["person-identifier"] }
"""
NAMES = {
    "emergency/dispatch": f"spiffe://emergency.{TRUST_DOMAIN}/system/dispatch",
    "research/lab": f"spiffe://research.{TRUST_DOMAIN}/system/lab",
    "port/ops": f"spiffe://port.{TRUST_DOMAIN}/system/ops",
}
DEPARTMENTS = ["port", "weather", "emergency", "research", "press"]
TERMS = [
    *NAMES.values(),
    "department:press",
    "department:research",
    "role:first-responder",
    "role:researcher",
]
PURPOSES = ["emergency-response", "transport-research", "stewardship"]
STATES = ["emergency", "normal"]
IDS = ["port.flights", "port.ships"]

grants = st.lists(
    st.tuples(
        st.sampled_from(TERMS),
        st.sampled_from([*IDS, "port.all"]),
        st.sampled_from(PURPOSES),
        st.sampled_from(["allow", "allow", "deny"]),
    ),
    max_size=6,
    unique=True,
).map(
    lambda found: (
        "g2, port.ships, port.all\n" + "".join(f"p, {s}, {d}, read, {p}, {e}\n" for s, d, p, e in found)
    )
)
roles = st.lists(
    st.tuples(st.sampled_from(TERMS), st.sampled_from(["role:first-responder", "role:researcher"])),
    max_size=3,
    unique=True,
).map(lambda found: "".join(f"g, {child}, {role}\n" for child, role in found if child != role))
demands = st.sampled_from(
    [
        'columns = { withhold = ["origin"] }',
        'mask = { origin = { kind = "partial", first = 1 } }',
        'mask = { tailnum = { kind = "redact" } }',
        "rows = \"origin = 'JFK'\"",
        "row_limit = 10",
        "valid_until = 2026-01-01T00:00:00Z",
    ]
)
obligations = st.lists(
    st.tuples(demands, st.sampled_from(IDS), st.sampled_from(TERMS), st.sampled_from(PURPOSES)), max_size=2
).map(
    lambda found: "".join(
        f'[[obligation]]\nid = "r{at}"\ndatasets = ["{id_}"]\n'
        f'subjects = ["{term}"]\npurposes = ["{purpose}"]\n{body}\n'
        for at, (body, id_, term, purpose) in enumerate(found)
    )
)
rego = st.sampled_from(
    [
        "",
        'allow if input.state == "normal"\n',
        'allow if input.subject.name == "lab"\nallow if input.dataset.grade == "core"\n',
        """allow if input.purpose != ""
obligations contains {"id": "x", "mask": {"origin": {"kind": "null"}}} if "researcher" in input.subject.roles
""",
    ]
).map(lambda text: f"package exchange.departments.port\n{text}" if text else "")


@st.composite
def bundles(draw: st.DrawFn) -> Bundle:
    changes = {
        DATASETS: FILES[DATASETS] + SHIPS,
        GRANTS: draw(grants),
        ROLES: draw(roles),
        OBLIGATIONS: draw(obligations),
    }
    text = draw(rego)
    try:
        return load(files({**changes, **({REGO: text} if text else {})}), 1)
    except PolicyInvalid:  # a circle of roles
        return load(files({**changes, ROLES: ""}), 1)


def _asker(bundle: Bundle) -> Asker:
    return Asker(bundle, Schemas(bundle), NOON)


def _answer(bundle: Bundle, subject: str, dataset: str, purpose: str, state: str) -> Answer:
    request = ReadRequest(dataset=dataset, purpose=purpose, trace_id="0" * 32)
    who_asks = Subject.parse(subject, TRUST_DOMAIN)
    facts = Facts(who_asks, Schemas(bundle).of(dataset), request, "read", NOON, state)
    decision = decide(bundle, facts).decision
    return Answer(decision.obligations, decision.reason)


EVERYBODY = {
    **NAMES,
    **{f"{name}/*": f"spiffe://{name}.{TRUST_DOMAIN}/system/zebra" for name in DEPARTMENTS},
}
Cells = dict[tuple[str, str, str, str], Answer]


def _brute(bundle: Bundle) -> Cells:
    return {
        (label, dataset, purpose, state): _answer(bundle, id_, dataset, purpose, state)
        for (label, id_), dataset, purpose, state in itertools.product(
            EVERYBODY.items(), IDS, PURPOSES, STATES
        )
    }


def _known(label: str) -> bool:
    return label in EVERYBODY


@settings(max_examples=60, deadline=None)
@given(bundle=bundles())
def test_who_and_what_are_what_decide_says_of_everybody(bundle: Bundle) -> None:
    asker = _asker(bundle)
    expected = {cell: answer.obligations for cell, answer in _brute(bundle).items() if answer.allowed}
    by_who = [sight for id_ in IDS for sight in who(asker, id_)]
    by_what = [sight for name in DEPARTMENTS for sight in what(asker, name)]
    assert sorted(map(str, by_who)) == sorted(map(str, by_what))
    told = {
        (sight.party, sight.dataset, sight.purpose, state): sight.obligations
        for sight in by_who
        for state in sight.states
    }
    # whom no rule names is told as any system of its department
    unnamed = {label for label in NAMES if label not in {label for label, *_ in told}}
    for label, dataset, purpose, state in expected:
        asked = f"{label.partition('/')[0]}/*" if label in unnamed else label
        assert told.get((asked, dataset, purpose, state)) is not None, (label, dataset, purpose, state)
    assert all(expected.get(cell) == found for cell, found in told.items() if _known(cell[0]))


@settings(max_examples=60, deadline=None)
@given(old=bundles(), new=bundles())
def test_simulate_tells_every_difference_and_nothing_else(old: Bundle, new: Bundle) -> None:
    before, after = _brute(old), _brute(new)
    expected = {cell: found for cell in before if (found := difference(before[cell], after[cell]))}
    told = {
        (shift.party, shift.dataset, shift.purpose, shift.state): shift.changes
        for shift in over_matrix(_asker(old), _asker(new))
    }
    for cell, changes in told.items():
        if _known(cell[0]):
            assert expected.get(cell) == changes
    for label, *rest in expected:
        assert (label, *rest) in told or (f"{label.partition('/')[0]}/*", *rest) in told


_INVERSE = {Way.WIDER: Way.NARROWER, Way.NARROWER: Way.WIDER, Way.CHANGED: Way.CHANGED}


def _inverse(change: Change) -> Change:
    return Change(change.part, _INVERSE[change.way], change.column, change.after, change.before)


@settings(max_examples=40, deadline=None)
@given(old=bundles(), new=bundles())
def test_what_is_gained_one_way_is_lost_the_other(old: Bundle, new: Bundle) -> None:
    there = {
        (s.party, s.dataset, s.purpose, s.state): s.changes for s in over_matrix(_asker(old), _asker(new))
    }
    back = {
        (s.party, s.dataset, s.purpose, s.state): s.changes for s in over_matrix(_asker(new), _asker(old))
    }
    assert there.keys() == back.keys()
    for cell, changes in there.items():
        assert {_inverse(change) for change in changes} == set(back[cell])


@settings(max_examples=20, deadline=None)
@given(bundle=bundles())
def test_a_bundle_against_itself_changes_nothing(bundle: Bundle) -> None:
    assert list(over_matrix(_asker(bundle), _asker(bundle))) == []


@settings(max_examples=60, deadline=None)
@given(bundle=bundles())
def test_a_question_answered_for_others_that_are_alike_has_the_answer_of_its_own(bundle: Bundle) -> None:
    asker = _asker(bundle)
    for party, id_, purpose, state in itertools.product(parties(bundle), IDS, PURPOSES, STATES):
        answer = _answer(bundle, party.subject.id, id_, purpose, state)
        assert asker.ask(Asked(party, id_, purpose, state)) == answer


@settings(max_examples=60, deadline=None)
@given(old=bundles(), new=bundles())
def test_what_is_called_steady_is_answered_alike(old: Bundle, new: Bundle) -> None:
    steady = Steady(_asker(old), _asker(new))
    for party, id_, purpose in itertools.product(parties(old, new), IDS, PURPOSES):
        if not steady.may_differ((party, id_, purpose)):
            for state in STATES:
                answers = [_answer(one, party.subject.id, id_, purpose, state) for one in (old, new)]
                assert not difference(*answers)
