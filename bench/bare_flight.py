"""What the exchange is measured against: a pyarrow.flight server over mutual TLS that only streams a file.

It decides nothing, records nothing, digests nothing. Ticket: how many rows, 0 for all.
"""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow.flight as fl
import pyarrow.parquet as pq

from examples.city.town import Town

BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Bare:
    """A running bare server: its port, its process, and a client's certificate."""

    port: int
    pid: int
    tls: Path

    def connect(self) -> fl.FlightClient:
        """A new connection."""
        return fl.FlightClient(
            f"grpc+tls://127.0.0.1:{self.port}",
            tls_root_certs=(self.tls / "roots.pem").read_bytes(),
            cert_chain=(self.tls / "identity.pem").read_bytes(),
            private_key=(self.tls / "identity.key").read_bytes(),
        )


def read(client: fl.FlightClient, rows: int = 0) -> int:
    """Every batch; how many rows came."""
    return sum(chunk.data.num_rows for chunk in client.do_get(fl.Ticket(str(rows).encode())))


@contextmanager
def running(town: Town) -> Iterator[Bare]:
    """A bare server beside the port authority's connector, on the same file with the same certificate."""
    near, far = mp.Pipe()
    tls, parquet = town.home("port") / "tls", town.home("port") / "data" / "flights.parquet"
    process = mp.get_context("spawn").Process(target=_serve, args=(parquet, tls, far), daemon=True)
    process.start()
    yield Bare(near.recv(), process.pid or 0, town.folder / "clients" / "dispatch")
    process.kill()


def _serve(parquet: Path, tls: Path, said: Connection) -> None:
    class Server(fl.FlightServerBase):  # type: ignore[misc]
        def do_get(self, context: Any, ticket: Any) -> Any:  # noqa: ARG002
            file, rows = pq.ParquetFile(parquet), int(ticket.ticket)
            batches = file.iter_batches(min(rows, BATCH_ROWS) or BATCH_ROWS)
            first = (batch for batch, _ in zip(batches, range(1), strict=False))
            return fl.GeneratorStream(file.schema_arrow, first if rows else batches)

    server = Server(
        "grpc+tls://127.0.0.1:0",
        tls_certificates=[((tls / "listener.pem").read_bytes(), (tls / "listener.key").read_bytes())],
        verify_client=True,
        root_certificates=(tls / "roots.pem").read_bytes(),
    )
    said.send(server.port)
    server.serve()
