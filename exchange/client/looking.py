"""What a steward looks up at the broker to explain and simulate: his own old policies and decisions."""

from __future__ import annotations

from exchange.client.session import steward_session
from exchange.client.settings import ClientSettings
from exchange.model.clock import Clock
from exchange.wire import questions


def bundle_of(
    settings: ClientSettings, revision: int, *, clock: Clock | None = None
) -> tuple[str, dict[str, bytes]]:
    """The steward's department, and the files that decided on its datasets in a revision.

    Raises:
        ConfigError: the certificate is not a steward's.
        ExchangeError: what the broker answered, typed.
    """
    with steward_session(settings, clock, "looks into policies") as session:
        files = questions.get_bundle(session.broker, revision, timeout_s=settings.limits.ask_s)
        return session.subject.department, files


def decision_of(settings: ClientSettings, access: str, *, clock: Clock | None = None) -> bytes:
    """The record of a decision on one of the department's datasets, as the log has it.

    Raises:
        ConfigError: the certificate is not a steward's.
        ExchangeError: what the broker answered, typed.
    """
    with steward_session(settings, clock, "looks into policies") as session:
        return questions.get_decision(session.broker, access, timeout_s=settings.limits.ask_s)
