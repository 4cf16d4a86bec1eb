"""A consumer as a process: read, print one JSON line an event, so that its killer knows how far it came.

Run: python reader.py CONFIG DATASET PURPOSE
"""

from __future__ import annotations

import json
import sys

import exchange


def _say(**event: object) -> None:
    print(json.dumps(event), flush=True)


def main() -> None:
    """Read everything, batch by batch."""
    config, dataset, purpose = sys.argv[1:]
    with exchange.connect(config) as city:
        reading = city.read(dataset, purpose=purpose)
        try:
            for batch in reading:
                _say(event="batch", id=reading.id, rows=batch.num_rows)
        except exchange.ExchangeError as error:
            _say(event="error", id=reading.id or error.id, error=type(error).__name__)
            return
        _say(event="whole", id=reading.id, delivered=reading.delivered)


if __name__ == "__main__":
    main()
