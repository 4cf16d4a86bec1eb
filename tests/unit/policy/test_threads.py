"""One bundle serves many threads; each gets the answer it would get alone."""

from __future__ import annotations

import gc
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
import regorus
from small_city import DESK, DISPATCH, LAB, REGO, ask, small_city

from exchange.errors import PolicyInvalid
from exchange.policy.engines import casbin_gate, rego_here
from exchange.policy.engines.rego_answer import EvaluationFailed
from exchange.policy.engines.rego_ast import parse_module
from exchange.policy.engines.rego_check import RegoModule

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


def test_text_that_is_no_rego_takes_no_engine_along_either() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse_module("x.rego", "package x\nallow if {")
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert caught.value.__context__ is None
    assert not any(isinstance(held, regorus.Engine) for frame in frames for held in frame.f_locals.values())


def test_a_failed_evaluation_takes_no_engine_along_to_another_thread() -> None:
    module = RegoModule("x.rego", "package x\nallow if { input.a + 1 > 0 }\n", "x", frozenset({"allow"}))
    failures: list[EvaluationFailed] = []

    def fail() -> None:
        try:
            rego_here.run((module,), {"a": "text"})
        except EvaluationFailed as error:
            failures.append(error)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    (failure,) = failures
    frames = [frame for frame, _ in traceback.walk_tb(failure.__traceback__)]
    assert failure.__context__ is None
    assert not any(isinstance(held, regorus.Engine) for frame in frames for held in frame.f_locals.values())


def test_no_two_threads_parse_a_matcher_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 fails then, now and again, with "AST constructor recursion depth mismatch"."""
    parsing: list[int] = []
    most: list[int] = []

    class Watched(casbin_gate.SimpleEval):  # type: ignore[misc]  # untyped
        def __init__(self, *arguments: object) -> None:
            parsing.append(threading.get_ident())
            time.sleep(0.005)
            most.append(len(parsing))
            super().__init__(*arguments)
            parsing.remove(threading.get_ident())

    monkeypatch.setattr(casbin_gate, "SimpleEval", Watched)
    bundle, start = small_city(), threading.Barrier(8)

    def first(number: int) -> str:
        start.wait(10)
        return ask(
            bundle, DISPATCH, purpose="emergency-response", columns=(("dest", "origin")[number % 2],)
        ).decision.reason

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(first, range(8))) == {"granted"}
    assert max(most) == 1
