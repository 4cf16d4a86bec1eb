"""Takes a bundle's memory away, so that a decision is worked out and not remembered."""

# ruff: noqa: SLF001 -- a bundle forgets nothing by itself, and nothing else should make it
from __future__ import annotations

from exchange.model.kept import Kept
from exchange.policy.bundle import Bundle
from exchange.policy.engines.casbin_gate import CasbinGate
from exchange.policy.engines.rego_gate import RegoGate


def forget(bundle: Bundle) -> None:
    """Let both gates answer the next question as if nobody had asked before."""
    if isinstance(bundle.grants, CasbinGate):
        bundle.grants._answers.clear()
    if isinstance(bundle.conditions, RegoGate):
        for speakers, _ in (bundle.conditions._city, *bundle.conditions._departments.values()):
            for speaker in speakers:
                speaker._said = Kept(1 << 20)
