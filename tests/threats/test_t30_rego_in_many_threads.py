"""An engine that panics outside its thread would kill calls, not deny; so each has its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import small_city

from exchange.policy.engines import rego_here


def test_t30_bundle_loaded_in_one_thread_decides_in_all_others() -> None:
    bundle = small_city.small_city()
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: small_city.ask(bundle), range(16)))
    assert [outcome.decision.reason for outcome in outcomes] == ["granted"] * 16


def test_t30_panic_that_is_no_exception_denies() -> None:
    class Panic(BaseException):
        """As pyo3 raises for a panic in Rust."""

    bundle = small_city.small_city()
    with mock.patch.object(rego_here, "_prepared", side_effect=Panic("boom")):
        outcome = small_city.ask(bundle)
    assert not outcome.decision.allowed
    assert outcome.decision.reason == "condition-failed"
