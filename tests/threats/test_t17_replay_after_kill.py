"""T17: `kill -9` of the connector does not make it forget which tickets were used."""

from __future__ import annotations

from pathlib import Path

from certified import make_city
from connector_house import Reading, opened, read
from connector_process import Serving, identities, serving, token

from exchange.connector.records.journal import Journal
from exchange.model.clock import SystemClock
from exchange.security.credentials import TlsSettings
from exchange.security.signing import embedded_certificate, verify_receipt


def test_t17_a_ticket_used_before_kill_9_is_refused_after_it(tmp_path: Path) -> None:
    connector, consumer = identities(make_city(tmp_path))
    with serving(tmp_path, connector) as first:
        assert _read(first, consumer).error is None
        first.kill()

    with serving(tmp_path, connector) as second:
        got = _read(second, consumer)
        assert (got.raw, got.reason) == ([], "ticket-used")
        assert second.terminate() == 0
    assert _said(tmp_path) == [("start", ""), ("end", ""), ("refusal", "ticket-used")]


def test_t17_a_ticket_whose_stream_was_killed_is_used_and_its_stream_has_an_end(tmp_path: Path) -> None:
    connector, consumer = identities(make_city(tmp_path))
    with serving(tmp_path, connector, rows=100_000_000) as first, first.channel(consumer) as line:
        _call, _ = opened(line, token())
        first.kill()

    with serving(tmp_path, connector) as second:
        got = _read(second, consumer)
        assert (got.raw, got.reason) == ([], "ticket-used")
    assert _said(tmp_path) == [("start", ""), ("end", "connector-restarted"), ("refusal", "ticket-used")]


def _read(connector: Serving, consumer: TlsSettings) -> Reading:
    with connector.channel(consumer) as line:
        return read(line, token())


def _said(folder: Path) -> list[tuple[str, str]]:
    journal = Journal(folder / "state", SystemClock())
    statements = [verify_receipt(one, embedded_certificate(one)) for _, one in journal.pending(100)]
    journal.close()
    return [(one.kind, getattr(one, "reason", "")) for one in statements]
