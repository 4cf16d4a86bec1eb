"""Programs that write an audit log and tell what was acknowledged, until something from outside ends them.

Run: python mortal_log.py
     each line on standard input, `WHO APPENDERS RECORDS FOLDER`, has a new process forked that opens the log
     and appends. It says `born ID`, and waits for a line, so that a tracer can take hold of it: before it
     does anything (WHO is `all`), or once the log is open, then the id is that of the thread named WHO.

What a child says, a line each, written by itself: `done NUMBER INDEX` behind each append that returned,
`refused NUMBER` behind each that raised, `signed NOTE` (base64) for checkpoints the log has shown, `over` at
its end. Its parent says `dead STATUS` behind all of that.
"""

from __future__ import annotations

import base64
import ctypes
import os
import sys
import threading
import time
import traceback
from pathlib import Path

from audit_house import decision, open_log

from exchange.audit.log import AuditLog, LogLimits
from exchange.errors import AuditUnavailable, ExchangeError
from exchange.model.clock import SystemClock

SMALL = LogLimits(checkpoint_every_s=0.0, segment_bytes_max=1500)
"""Two or three records a segment; signs after each batch."""
ALL = "all"
_ANYBODY = (0x59616D61, ctypes.c_ulong(-1))
"""prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY): where Yama is strict, a sibling may not trace otherwise."""


def say(line: str) -> None:
    """One line, whole, whatever is injected into this very write."""
    for _ in range(3):
        try:
            os.write(1, f"{line}\n".encode())
        except OSError:
            continue
        return


def append(log: AuditLog, numbers: range) -> None:
    """Append each; what is refused is tried once more, as a caller would."""
    for number in numbers:
        for _ in range(2):
            try:
                say(f"done {number} {log.append(decision(number))}")
                break
            except AuditUnavailable:
                say(f"refused {number}")
        say(f"signed {base64.b64encode(log.checkpoint()).decode()}")


def born(who: str) -> None:
    """Say which thread is to be traced, and wait."""
    ids = {thread.name: thread.native_id for thread in threading.enumerate()} | {ALL: os.getpid()}
    say(f"born {ids[who]}")
    line_of_input()


def live(who: str, appenders: int, records: int, folder: Path) -> None:
    """One life: open, append, close."""
    start = time.time_ns() // 1000
    if who == ALL:
        born(who)
    with open_log(folder, limits=SMALL, clock=SystemClock()) as log:
        if who != ALL:
            born(who)
        say(f"signed {base64.b64encode(log.checkpoint()).decode()}")
        end = start + records * appenders
        ranges = [range(start + worker, end, appenders) for worker in range(appenders)]
        if appenders == 1:
            append(log, ranges[0])
        else:
            threads = [threading.Thread(target=append, args=(log, numbers)) for numbers in ranges]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    say("over")


def line_of_input() -> str:
    """The next line, not a byte more: parent and child read the same pipe."""
    read = b""
    while not read.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        read += byte
    return read.decode().strip()


def child(who: str, appenders: str, records: str, folder: str) -> None:
    """Never returns; 1 for an error of the exchange, 2 for any other."""
    ctypes.CDLL(None).prctl(*_ANYBODY, 0, 0, 0)
    status = 2
    try:
        live(who, int(appenders), int(records), Path(folder))
        status = 0
    except ExchangeError as error:
        say(f"failed {type(error).__name__} {error}")
        status = 1
    except Exception:  # noqa: BLE001 - told, and judged by the test
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    """Fork for each line."""
    while order := line_of_input():
        pid = os.fork()
        if pid == 0:
            child(*order.split(" ", 3))
        _, status = os.waitpid(pid, 0)
        say(f"dead {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
