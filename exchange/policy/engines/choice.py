"""The engine that conditions run on: made once for a process, gives one gate for each revision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from exchange.policy.engines import rego_here
from exchange.policy.engines.protocol import ConditionGate
from exchange.policy.engines.rego_check import RegoModule
from exchange.policy.engines.rego_gate import RegoGate
from exchange.policy.engines.rego_pool import WorkerPool
from exchange.policy.engines.settings import RegoSettings

Modules = Mapping[str, RegoModule]
"""Department -> its module."""


class ConditionEngine(Protocol):
    """Makes gates; its name is what people call it."""

    name: str

    def gate(self, baseline: RegoModule, departments: Modules, revision: int) -> ConditionGate:
        """The gate for one revision's modules.

        Raises:
            PolicyInvalid: a module does not run on this engine; names the line.
            Unavailable: the engine is down.
        """

    def close(self) -> None:
        """Give back processes and connections; gates of this engine deny afterwards."""


class InProcess:
    """regorus in this process, for what one trusts or has run within bounds before."""

    name = "regorus"

    def gate(self, baseline: RegoModule, departments: Modules, revision: int) -> ConditionGate:  # noqa: ARG002
        """A gate that runs everything here."""
        return RegoGate(baseline, departments, run=rego_here.run)

    def close(self) -> None:
        """Nothing to give back."""


class InWorkers:
    """regorus in worker processes for what departments wrote."""

    name = "regorus in workers"

    def __init__(self, settings: RegoSettings) -> None:
        self._limit_s = settings.timeout_ms / 1000
        self.pool = WorkerPool(settings.workers, self._limit_s)

    def gate(self, baseline: RegoModule, departments: Modules, revision: int) -> ConditionGate:  # noqa: ARG002
        """A gate that shares this engine's workers; their limit holds for a decision."""
        if departments:
            self.pool.open()
        return RegoGate(baseline, departments, run=self.pool.run, time_limit_s=self._limit_s)

    def close(self) -> None:
        """End the workers."""
        self.pool.close()


def open_engine(settings: RegoSettings) -> ConditionEngine:
    """The engine that the settings choose; the caller closes it.

    Raises:
        ConfigError: a file of the settings cannot be used.
    """
    if settings.engine == "opa":
        # Here, since its packages take a quarter of a second that no other engine needs.
        from exchange.policy.engines.opa_engine import OnOpa  # noqa: PLC0415

        return OnOpa(settings)
    return InProcess() if settings.isolation == "none" else InWorkers(settings)


HERE = InProcess()
