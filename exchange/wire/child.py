"""A process of our own at the other end of a socket: one question, one reply, within its time.

A frame is four bytes of length, big-endian, and JSON; the process has the socket as its standard input.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

ENDED_S_MAX = 10.0
"""How long a process that was killed is waited for."""


class Gone(Exception):
    """The process ended, or did not answer in time; it is not asked again."""


class Child:
    """One process and its socket; used by one thread at a time."""

    def __init__(self, words: Sequence[str], reply_bytes_max: int, *, quiet: bool = False) -> None:
        """Start it.

        Args:
            words: what our own interpreter is to run: a file, or `-m` and a module, and its arguments.
            reply_bytes_max: a longer reply is none.
            quiet: what it writes to its standard error is thrown away.

        Raises:
            OSError: no process can be started.
        """
        self._reply_bytes_max = reply_bytes_max
        self._socket, theirs = socket.socketpair()
        with theirs:
            # A fresh program, never a fork of this one: gRPC's threads and locks do not survive a fork.
            self.process = subprocess.Popen(  # noqa: S603 -- our own program, our own interpreter
                [sys.executable, "-I", *words],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if quiet else None,
            )

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def exchange(self, message: dict[str, Any], deadline_s: float) -> dict[str, Any]:
        """One question, one reply.

        Args:
            message: the question.
            deadline_s: on the machine's steady clock (`time.monotonic`).

        Raises:
            Gone: no whole reply before the deadline.
        """
        frame = json.dumps(message).encode()
        try:
            self._socket.settimeout(_left(deadline_s))
            self._socket.sendall(len(frame).to_bytes(4, "big") + frame)
            size = int.from_bytes(self._read(4, deadline_s), "big")
            if size > self._reply_bytes_max:
                raise Gone("the answer is too large")
            reply: dict[str, Any] = json.loads(self._read(size, deadline_s))
        except TimeoutError:
            raise Gone("time limit exceeded") from None
        except (OSError, ValueError):
            raise Gone("the worker ended") from None
        return reply

    def end(self) -> None:
        """Kill the process; never waits for it to agree."""
        self.process.kill()
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=ENDED_S_MAX)

    def _read(self, size: int, deadline_s: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._socket.settimeout(_left(deadline_s))
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise Gone("the worker ended")
            data += piece
        return bytes(data)


def _left(deadline_s: float) -> float:
    left = deadline_s - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
