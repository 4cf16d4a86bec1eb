"""A real OPA server as an engine for conditions."""

from __future__ import annotations

from collections.abc import Mapping

from exchange.errors import Unavailable
from exchange.policy.engines.opa_gate import OpaGate
from exchange.policy.engines.opa_server import OpaServer
from exchange.policy.engines.protocol import ConditionGate
from exchange.policy.engines.rego_answer import EvaluationFailed
from exchange.policy.engines.rego_check import RegoModule
from exchange.policy.engines.settings import RegoSettings


class OnOpa:
    """A real OPA server."""

    name = "opa"

    def __init__(self, settings: RegoSettings) -> None:
        self._server = OpaServer(settings)
        self._url = settings.url

    def gate(
        self, baseline: RegoModule, departments: Mapping[str, RegoModule], revision: int
    ) -> ConditionGate:
        """A gate whose modules lie on the server under a name of their own."""
        try:
            return OpaGate(self._server, baseline, departments, revision)
        except EvaluationFailed as error:
            raise Unavailable(
                f"the OPA server at {self._url} does not take the modules: {error}",
                hint="start it, or mend `url` in [rego]",
            ) from None

    def close(self) -> None:
        """Delete what is no longer asked and close the connections."""
        self._server.close()
