"""A broker that asks itself for access until its window is spent, so that a test can kill it at any moment.

Run: python asking_loop.py BROKER_SETTINGS.json CONSUMER.pem
     prints a line for each ticket once it is out: its id and its rows; "spent" at the end
"""

from __future__ import annotations

import sys
import threading
import uuid
from pathlib import Path

import small_city
from cryptography import x509

from exchange.broker.server import Broker
from exchange.broker.settings import BrokerSettings
from exchange.broker.state.registry import Registration
from exchange.errors import LimitReached
from exchange.model.request import ReadRequest
from exchange.model.subject import Subject
from exchange.security.identity import Peer
from exchange.security.tickets import TicketVerifier

THREADS = 4
FAR_US = 2**52


def main() -> None:
    """Ask from a few threads."""
    settings = BrokerSettings.model_validate_json(Path(sys.argv[1]).read_bytes())
    certificate = x509.load_pem_x509_certificate(Path(sys.argv[2]).read_bytes())
    peer = Peer(Subject.parse(small_city.DISPATCH, small_city.TRUST_DOMAIN), certificate, FAR_US)
    broker = Broker(settings)
    parts = broker._parts
    parts.registry.register(Registration("port", "127.0.0.1:7501", (small_city.FLIGHTS,)))
    verifier = TicketVerifier(parts.keys.ticket_keys, "port")

    def ask() -> None:
        while True:
            request = ReadRequest(
                dataset="port.flights", purpose="emergency-response", trace_id=uuid.uuid4().hex
            )
            try:
                grant = parts.door.authorise(peer, lambda request=request: request)
            except LimitReached:
                return
            ticket = verifier.verify(grant.ticket, grant.expires_us / 1e6 - 1)
            print(f"{ticket.id} {ticket.obligations.row_limit}\n", end="", flush=True)

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("spent", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
