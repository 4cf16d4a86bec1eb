"""T52: a window is spent exactly once, however often the broker is killed, and over a power loss as well.

The rows of a ticket are entered without waiting for the disk, because the record of its decision is waited
for. A power loss is played by taking away the database's write-ahead log: all that SQLite had not yet brought
into the database file is gone, which is more than any real one takes.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import small_city
from broker_house import actor
from certified import DOMAIN, make_city

from exchange.broker.settings import BrokerSettings
from exchange.model.subject import CITY, Kind

LOOP = Path(__file__).resolve().parents[1] / "support" / "asking_loop.py"
ROWS_MAX = 240
WINDOW = {
    small_city.OBLIGATIONS: small_city.obligation(
        f"windows = [{{ rows_max = {ROWS_MAX}, seconds = 86400 }}]\nrow_limit = 2\n"
    )
}
KILLS = 3


class Victim:
    """The broker on one state, started and killed again and again."""

    def __init__(self, folder: Path) -> None:
        city = make_city(folder / "city")
        for path, content in small_city.files(WINDOW).items():
            file = folder / "policies" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        self.database = folder / "state" / "broker.sqlite"
        self._settings = folder / "broker.json"
        self._settings.write_text(
            BrokerSettings(
                trust_domain=DOMAIN,
                listen="127.0.0.1:0",
                state=folder / "state",
                audit=folder / "audit",
                policies=folder / "policies",
                tls=actor(city, CITY, Kind.BROKER),
            ).model_dump_json()
        )
        self._consumer = actor(city, "emergency", Kind.SYSTEM).identity_chain
        self.given: dict[str, int] = {}

    def run(self, tickets: int | None = None) -> None:
        """Kill it once it has given out so many tickets, or else once it says that the window is spent."""
        command = [sys.executable, str(LOOP), str(self._settings), str(self._consumer)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for count, line in enumerate(iter(process.stdout.readline, ""), start=1):
                if line == "spent\n":
                    break
                self._note(line)
                if count == tickets:
                    break
            process.send_signal(signal.SIGKILL)
            # what it had said before it died was given out
            for line in process.stdout:
                self._note(line)
        assert (line == "spent\n") == (tickets is None)

    def _note(self, line: str) -> None:
        name, rows = line.split()
        assert name not in self.given
        self.given[name] = int(rows)

    def lose_power(self) -> None:
        for suffix in ("-wal", "-shm"):
            Path(f"{self.database}{suffix}").unlink(missing_ok=True)

    def counted(self) -> dict[str, int]:
        with sqlite3.connect(self.database) as connection:
            rows = dict(connection.execute("SELECT id, rows FROM ticket"))
        connection.close()
        return rows


@pytest.mark.parametrize("power", ["kept", "lost"])
def test_t52_killed_again_and_again_a_window_is_spent_once(tmp_path: Path, power: str) -> None:
    victim = Victim(tmp_path)
    chance = random.Random(power)  # noqa: S311 - when to kill, no secret
    for _ in range(KILLS):
        victim.run(tickets=chance.randint(1, 25))
        if power == "lost":
            victim.lose_power()
    victim.run()
    counted = victim.counted()
    assert victim.given.items() <= counted.items()
    assert sum(counted.values()) == ROWS_MAX
    # what was on its way when a kill came is spent and given to nobody; a few for each kill, no more
    assert ROWS_MAX - KILLS * 4 * 2 <= sum(victim.given.values()) <= ROWS_MAX
