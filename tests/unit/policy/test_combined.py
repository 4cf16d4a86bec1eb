"""Combined obligations are remembered for the very same parts, and for no others."""

from __future__ import annotations

import pytest
import small_city

from exchange.model.dataset import Dataset
from exchange.policy.bundle import Bundle
from exchange.policy.combine import Reader, combine
from exchange.policy.combined import Parts, combined

READER = Reader(owner=False, scope="department:emergency/port")


def city() -> Bundle:
    return small_city.small_city({small_city.OBLIGATIONS: small_city.obligation("row_limit = 5\n")})


def parts(bundle: Bundle, dataset: Dataset = small_city.FLIGHTS) -> Parts:
    classified = bundle.classified(dataset.id)
    assert classified is not None
    demands = tuple(rule.demand for rule in bundle.obligations(dataset.id))
    return Parts(dataset, classified, bundle.baseline, demands)


@pytest.fixture
def bundle() -> Bundle:
    return city()


def test_the_same_parts_are_combined_once_and_as_ever(bundle: Bundle) -> None:
    asked = parts(bundle)
    first = combined(asked, READER)
    assert first.outcome == combine(asked.dataset, asked.classified, asked.baseline, asked.demands, READER)
    assert combined(parts(bundle), READER) is first


def test_equal_parts_of_another_bundle_are_other_parts(bundle: Bundle) -> None:
    assert parts(bundle) != parts(city())


def test_a_registration_with_a_column_less_is_combined_anew(bundle: Bundle) -> None:
    whole = combined(parts(bundle), READER)
    fewer = small_city.FLIGHTS.model_copy(update={"columns": small_city.FLIGHTS.columns[1:]})
    assert combined(parts(bundle, fewer), READER).outcome != whole.outcome


def test_another_reader_is_another_question(bundle: Bundle) -> None:
    asked = parts(bundle)
    assert combined(asked, READER) is not combined(asked, Reader(owner=True, scope=READER.scope))


def test_one_demand_more_or_less_is_told_apart(bundle: Bundle) -> None:
    asked = parts(bundle)
    fewer = Parts(asked.dataset, asked.classified, asked.baseline, asked.demands[1:])
    assert asked.demands
    assert asked != fewer
    assert asked != "parts"
