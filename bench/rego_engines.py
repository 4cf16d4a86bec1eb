"""One decision of the conditions gate: regorus here, in a worker process, and on an OPA server.

The module asked is one that may not run in the broker itself (`rego_plain`), and no answer is remembered.

Run: python bench/rego_engines.py [--opa http://127.0.0.1:8181]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from exchange.policy.bundle import load
from exchange.policy.engines.choice import open_engine
from exchange.policy.engines.settings import RegoSettings
from exchange.policy.files.tree import read_tree

sys.path.insert(0, str(Path(__file__).parent))

from unremembered import forget

POLICIES = Path(__file__).parents[1] / "policies"
DECISIONS = 3000


def main() -> None:
    """Measure the engines one after the other."""
    options = argparse.ArgumentParser()
    options.add_argument("--opa", default="")
    url = options.parse_args().opa
    chosen = [RegoSettings(isolation="none"), RegoSettings(timeout_ms=5000)]
    if url:
        chosen.append(RegoSettings(engine="opa", url=url, timeout_ms=5000))
    for settings in chosen:
        measure(settings)


def measure(settings: RegoSettings) -> None:
    """Decide again and again on one engine."""
    engine = open_engine(settings)
    bundle = load(read_tree(POLICIES), 1, engine=engine)
    classified = bundle.classified("audit.log")
    assert classified is not None
    question = {
        "subject": {"id": "x", "department": "audit", "kind": "system", "name": "x", "roles": []},
        "dataset": classified.attributes,
        "purpose": "audit",
        "action": "read",
        "columns": [],
        "time": "2026-06-01T12:00:00.000000Z",
        "state": "normal",
    }
    taken_us = []
    for _ in range(DECISIONS):
        forget(bundle)
        began = time.perf_counter()
        assert bundle.conditions.ask("audit", question).opened
        taken_us.append((time.perf_counter() - began) * 1e6)
    taken_us.sort()
    p50, p99 = taken_us[DECISIONS // 2], taken_us[DECISIONS * 99 // 100]
    print(f"{engine.name:<20} p50 {p50:6.0f} us   p99 {p99:6.0f} us")
    del bundle
    engine.close()


if __name__ == "__main__":
    main()
