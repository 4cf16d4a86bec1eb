"""T45 unclassified columns, T54 pseudonym scopes, T56 hidden datasets, as the decision sees them."""

from __future__ import annotations

import pytest
from small_city import DESK, DISPATCH, FLIGHTS, GRANTS, LAB, ask, masks, small_city

from exchange.model.dataset import Column, Dataset
from exchange.model.decision import Decision
from exchange.model.obligation import Pseudonym
from exchange.policy.bundle import Bundle


def test_t45_a_column_added_at_the_source_is_not_delivered_until_classified() -> None:
    assert "added_yesterday" in {column.name for column in FLIGHTS.columns}
    assert "added_yesterday" not in masks(ask(small_city()))


def test_t46_a_renamed_column_is_a_new_one() -> None:
    renamed = FLIGHTS.model_copy(
        update={"columns": (Column(name="Origin", type="string"), *FLIGHTS.columns[1:])}
    )
    assert set(masks(ask(small_city(), schema=renamed))) == {"dest", "tailnum", "delay", "at"}


def _scope(bundle: Bundle, subject: str, purpose: str) -> str:
    obligations = ask(bundle, subject, purpose=purpose).decision.obligations
    assert obligations is not None
    (mask,) = (rule.mask for rule in obligations.columns if rule.name == "tailnum")
    assert isinstance(mask, Pseudonym)
    return mask.scope


def test_t54_two_departments_get_different_pseudonyms_unless_they_share_the_purpose() -> None:
    grants = "".join(
        f"p, department:{department}, port.flights, read, {purpose}, allow\n"
        for department in ("emergency", "research")
        for purpose in ("emergency-response", "transport-research")
    )
    bundle = small_city({GRANTS: grants})
    assert _scope(bundle, DISPATCH, "emergency-response") != _scope(bundle, LAB, "emergency-response")
    assert _scope(bundle, DISPATCH, "transport-research") == _scope(bundle, LAB, "transport-research")
    assert _scope(bundle, DISPATCH, "emergency-response") != _scope(bundle, DISPATCH, "transport-research")


def _outside(decision: Decision) -> tuple[object, ...]:
    return decision.effect, decision.public_reason, decision.message, decision.obligations


@pytest.mark.parametrize("purpose", ["emergency-response", "stewardship", "fishing", ""])
@pytest.mark.parametrize("where", ["", "delay > 5", "((", "crew = 'x'"])
def test_t56_hidden_unknown_and_malformed_datasets_answer_alike(purpose: str, where: str) -> None:
    bundle = small_city()
    hidden = ask(bundle, DESK, purpose=purpose, where=where, columns=("tailnum",))
    for dataset in ("port.unheard", "nowhere.flights", "no dataset at all", ""):
        missing = ask(bundle, DESK, dataset=dataset, purpose=purpose, where=where, columns=("tailnum",))
        assert _outside(missing.decision) == _outside(hidden.decision)
    assert hidden.decision.public_reason == "not-granted"


def test_t56_an_unclassified_registered_dataset_is_as_hidden_as_any() -> None:
    schema = Dataset(id="port.draft", title="draft", columns=FLIGHTS.columns)
    decision = ask(small_city(), dataset="port.draft", schema=schema).decision
    assert (decision.public_reason, decision.message) == ("not-granted", "")
