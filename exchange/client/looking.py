"""What a steward looks up at the broker to explain and simulate: his own old policies and decisions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from exchange.client.session import Session
from exchange.client.settings import ClientSettings
from exchange.errors import ConfigError
from exchange.model.clock import Clock, SystemClock
from exchange.model.subject import Kind
from exchange.wire import questions


def bundle_of(
    settings: ClientSettings, revision: int, *, clock: Clock | None = None
) -> tuple[str, dict[str, bytes]]:
    """The steward's department, and the files that decided on its datasets in a revision.

    Raises:
        ConfigError: the certificate is not a steward's.
        ExchangeError: what the broker answered, typed.
    """
    with _session(settings, clock) as session:
        files = questions.get_bundle(session.broker, revision, timeout_s=settings.limits.ask_s)
        return session.subject.department, files


def decision_of(settings: ClientSettings, access: str, *, clock: Clock | None = None) -> bytes:
    """The record of a decision on one of the department's datasets, as the log has it.

    Raises:
        ConfigError: the certificate is not a steward's.
        ExchangeError: what the broker answered, typed.
    """
    with _session(settings, clock) as session:
        return questions.get_decision(session.broker, access, timeout_s=settings.limits.ask_s)


@contextmanager
def _session(settings: ClientSettings, clock: Clock | None) -> Iterator[Session]:
    session = Session(settings, clock or SystemClock())
    try:
        if session.subject.kind is not Kind.STEWARD:
            raise ConfigError(
                f"only a steward looks into policies; this certificate is {session.subject.id}",
                hint="name the steward's configuration with --config",
            )
        yield session
    finally:
        session.close()
