"""One bundle serves many threads; each gets the answer it would get alone."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
from small_city import DESK, DISPATCH, LAB, REGO, ask, small_city

CASES = [
    (DISPATCH, "emergency-response", "granted"),
    (LAB, "transport-research", "condition-denied"),
    (DESK, "emergency-response", "no-grant"),
    (DISPATCH, "transport-research", "no-grant"),
]


def test_decisions_do_not_mix_between_threads() -> None:
    module = """package exchange.departments.port
allow if true
deny contains "lab" if input.subject.department == "research"
"""
    bundle = small_city({REGO: module})

    def reason(number: int) -> bool:
        who, purpose, expected = CASES[number % len(CASES)]
        return ask(bundle, who, purpose=purpose).decision.reason == expected

    assert reason(0), "an engine made by this thread is of no use to the others"
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(reason, range(400)))


def test_a_bundle_made_and_dropped_by_other_threads_leaves_no_fault(recwarn: pytest.WarningsRecorder) -> None:
    with ThreadPoolExecutor(1) as loader, ThreadPoolExecutor(1) as reader:
        bundle = loader.submit(small_city).result()
        assert reader.submit(ask, bundle).result().decision.allowed
        del bundle
        bundle = small_city()
        assert reader.submit(ask, bundle).result().decision.allowed
    gc.collect()
    assert not recwarn.list
