"""Every case as a condition of publication, run on the bundle that would take effect, on its own engine."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.policy.bundle import Bundle
from exchange.policy.files.tree import PolicyTree
from exchange.policy.suite.loader import load_suite
from exchange.policy.suite.runner import run

_ENGINE = "the engine in use"


def run_cases(bundle: Bundle, files: PolicyTree) -> Sequence[str]:
    """The failures, each `<file>:<line>: <what>`; none is good, and so is a policy without cases.

    Raises:
        PolicyInvalid: a case file that could not mean what it says.
    """
    suite = load_suite(files, bundle)
    return [
        f"{result.case.place}: {result.case.name}: {one.what}: "
        f"expected {one.expected or 'none'}, got {one.got or 'none'}"
        for result in run(suite, {_ENGINE: bundle})
        for one in result.mismatches
    ]
