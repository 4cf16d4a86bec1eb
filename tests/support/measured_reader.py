"""A consumer as a process: read everything, keep nothing, print what it took; and how to tell what it took.

Run: python measured_reader.py CONFIG DATASET PURPOSE [WHERE]
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pyarrow as pa

import exchange


class Memory:
    """How far the resident memory of a process rises from now on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        # proc(5): "5" resets the peak to what is resident now
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
        self._before_mib = self._mib("VmRSS")

    def rise_mib(self) -> float:
        """The highest it has been so far, above what it was."""
        return self._mib("VmHWM") - self._before_mib

    def _mib(self, name: str) -> float:
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024


def main() -> None:
    """Read batch by batch; one JSON line at the end."""
    config, dataset, purpose, *where = sys.argv[1:]
    with exchange.connect(config) as city:
        reading = city.read(dataset, purpose=purpose, where="".join(where))
        pa.total_allocated_bytes()  # loaded before the count begins
        memory, rows, size = Memory(os.getpid()), 0, 0
        for batch in reading:
            rows, size = rows + batch.num_rows, size + batch.nbytes
    print(json.dumps({"rows": rows, "mib": size >> 20, "rise_mib": memory.rise_mib()}))


if __name__ == "__main__":
    main()
