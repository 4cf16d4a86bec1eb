"""A small city with cases beside it."""

from __future__ import annotations

from textwrap import dedent

import pytest
from small_city import files

from exchange.errors import PolicyInvalid
from exchange.policy.bundle import load
from exchange.policy.engines.choice import HERE
from exchange.policy.suite.loader import load_suite
from exchange.policy.suite.model import Suite
from exchange.policy.suite.runner import Result, run

CASES = "departments/port/cases/flights.yaml"
SCHEMAS = "departments/port/cases/schemas.yaml"
SCHEMA = """
port.flights:
  origin: text
  dest: text
  tailnum: text
  delay: number
  at: timestamp
  crew: text
  added_yesterday: text
"""
HEAD = """
defaults:
  subject: emergency/dispatch
  dataset: port.flights
  purpose: emergency-response
  time: 2026-06-01T12:00:00Z
cases:
"""

Tree = dict[str, bytes]


def tree(cases: str, changes: dict[str, str] | None = None, schema: str = SCHEMA) -> Tree:
    """The small city, its schema, and these cases below the usual defaults."""
    text = HEAD + "".join(f"  {line}\n" for line in dedent(cases).strip().split("\n"))
    return files({CASES: text, SCHEMAS: schema, **(changes or {})})


def suite(cases: str, changes: dict[str, str] | None = None, schema: str = SCHEMA) -> Suite:
    """The suite that these cases are."""
    made = tree(cases, changes, schema)
    return load_suite(made, load(made, 1))


def results(cases: str, changes: dict[str, str] | None = None) -> tuple[Result, ...]:
    """What comes of these cases."""
    made = tree(cases, changes)
    bundle = load(made, 1)
    return run(load_suite(made, bundle), {HERE.name: bundle})


def refusal(cases: str, changes: dict[str, str] | None = None, schema: str = SCHEMA) -> str:
    """The text with which the cases are refused; the test fails if they are not."""
    with pytest.raises(PolicyInvalid) as caught:
        suite(cases, changes, schema)
    assert caught.value.hint, "every refusal says how to mend it"
    return caught.value.public
