"""A real OPA server for a test, and a false one that answers whatever the test wants."""

from __future__ import annotations

import http.server
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.request import urlopen

import outside_tools

START_S = 30.0


@dataclass
class Opa:
    """A server on this machine; it can be stopped, and started again with nothing in its memory."""

    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        binary = outside_tools.find("opa")
        assert binary is not None
        self.process = subprocess.Popen(
            [binary, "run", "--server", "--addr", f"127.0.0.1:{self.port}", "--log-level", "error"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                with urlopen(f"{self.url}/health", timeout=1):  # noqa: S310 -- our own address
                    return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("OPA did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return int(opened.getsockname()[1])


@contextmanager
def opa_server() -> Iterator[Opa]:
    opa = Opa(free_port())
    opa.start()
    try:
        yield opa
    finally:
        opa.stop()


Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@dataclass
class FalseOpa:
    """Takes every module; answers questions as `answer` does, and remembers who asked what."""

    answer: Answer
    url: str = ""
    seen: list[tuple[str, str, str]] = field(default_factory=list)


@contextmanager
def false_opa(answer: Answer) -> Iterator[FalseOpa]:
    house = FalseOpa(answer)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            house.seen.append((self.command, self.path, self.headers.get("Authorization", "")))

        def do_PUT(self) -> None:
            self._take()
            reply(200, b"{}")(self)

        do_DELETE = do_PUT  # noqa: N815

        def do_POST(self) -> None:
            self._take()
            house.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    house.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield house
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(status: int, body: bytes, **headers: str) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer
