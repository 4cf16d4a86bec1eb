"""A connector as a process of its own, which a test can kill.

Run: python connector_process.py FOLDER TLS_FOLDER ROWS     serves FOLDER/state until SIGTERM
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from certified import DOMAIN, City, settings_in
from connector_house import SCHEMA, SIGNER, MemorySource, remember, settings_for

from exchange.connector import server
from exchange.connector.settings import ConnectorSettings
from exchange.model.dataset import Column, Dataset
from exchange.model.obligation import ColumnRule, Obligations
from exchange.model.subject import Kind, spiffe_id
from exchange.model.ticket import Ticket
from exchange.security.credentials import TlsSettings
from exchange.security.tls import channel

_SERVES = re.compile(r"serves at (\S+)")


@dataclass
class Serving:
    """A connector process that serves."""

    process: subprocess.Popen[str]
    location: str

    def channel(self, who: TlsSettings) -> grpc.Channel:
        return channel(self.location, who, "port", Kind.CONNECTOR, DOMAIN)

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait(20)

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(30)


@contextmanager
def serving(folder: Path, connector_tls: TlsSettings, rows: int = 1000) -> Iterator[Serving]:
    """Start one, and kill it at the end if it still runs."""
    remember(folder / "state", SIGNER)
    arguments = [sys.executable, __file__, str(folder), str(connector_tls.roots.parent), str(rows)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield Serving(process, _location(process))
        finally:
            process.kill()


def settings_of(folder: Path, tls: TlsSettings) -> ConnectorSettings:
    return settings_for(folder, tls, drain_s=1.0)


def identities(city: City) -> tuple[TlsSettings, TlsSettings]:
    """Certificates of the connector and of the consumer that `token` names."""
    now_us = time.time_ns() // 1000
    return (
        city.actor("port", Kind.CONNECTOR, hosts=("127.0.0.1",), at_us=now_us),
        city.actor("emergency", Kind.SYSTEM, "dispatch", at_us=now_us),
    )


def token(number: int = 1) -> bytes:
    """A ticket for `port.flights`; the same number makes the same access id."""
    now_s = int(time.time())
    columns = tuple(Column(name=field.name, type=str(field.type)) for field in SCHEMA)
    dataset = Dataset(id="port.flights", title="Flights 航班", columns=columns)
    ticket = Ticket(
        id=f"{number:032x}",
        subject=spiffe_id(DOMAIN, "emergency", Kind.SYSTEM, "dispatch"),
        audience="port",
        dataset=dataset.id,
        schema_digest=dataset.schema_digest,
        purpose="emergency-response",
        obligations=Obligations(columns=(ColumnRule(name="origin"), ColumnRule(name="dep_delay"))),
        revision=1,
        audit_index=0,
        issued_at=now_s,
        expires_at=now_s + 60,
        stream_until=now_s + 600,
        trace_id="0" * 32,
    )
    return SIGNER.sign(ticket)


def _location(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        found = _SERVES.search(line)
        if found:
            return found[1]
    raise AssertionError(f"the connector did not serve: {''.join(said)}")


def main() -> None:
    folder, tls_folder, rows = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    server.open_source = lambda _: MemorySource(rows, batch_rows=50_000)
    server.serve(settings_of(folder, settings_in(tls_folder)))


if __name__ == "__main__":
    main()
