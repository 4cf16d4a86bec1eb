"""Conditions that a careless or hostile department could publish, and a question as large as there can be."""

from __future__ import annotations

from exchange.model.canonical import JsonValue
from exchange.model.dataset import COLUMNS_MAX
from exchange.policy.engines.rego_check import RegoModule

BASELINE = RegoModule(
    "baseline/conditions.rego",
    "package exchange.baseline\nallow if true\n",
    "exchange.baseline",
    frozenset({"allow"}),
)


def module(body: str, department: str = "port") -> RegoModule:
    """A department's module, taken as it is: no check has seen it, as if every check had a hole."""
    package = f"exchange.departments.{department}"
    return RegoModule(
        f"departments/{department}/conditions.rego",
        f"package {package}\n{body}\n",
        package,
        frozenset({"allow"}),
    )


_LOOPS = "; ".join(f"some {name} in input.columns" for name in "abc")
HANGS = module(f'allow if count([1 | {_LOOPS}; a == c; b == "x"]) > 5')
EATS = module(
    "allow if { a0 := input.columns; "
    + "; ".join(f"a{i} := array.concat(a{i - 1}, a{i - 1})" for i in range(1, 30))
    + "; count(a29) > 5 }"
)
SOUND = module('allow if input.purpose == "emergency-response"', "weather")


def question(purpose: str = "emergency-response", columns: int = COLUMNS_MAX) -> dict[str, JsonValue]:
    """A question with so many columns."""
    names: list[JsonValue] = [f"column_{number:05d}" for number in range(columns)]
    return {
        "subject": {"id": "a", "department": "p", "kind": "system", "name": "n", "roles": []},
        "dataset": {
            "id": "port.x",
            "department": "port",
            "sharing": "",
            "grade": "",
            "tags": [],
            "columns": [],
        },
        "purpose": purpose,
        "action": "read",
        "columns": names,
        "time": "2026-01-01T00:00:00.000000Z",
        "state": "normal",
    }
