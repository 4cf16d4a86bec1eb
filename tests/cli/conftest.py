"""The program as a person runs it, in this process; and one real city in processes of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from exchange.cli.main import app

EXCHANGE = str(Path(sys.executable).with_name("exchange"))
START_S = 30.0


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the program: `exchange("get", "port.requests", ...)`."""
    monkeypatch.delenv("EXCHANGE_CONFIG", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@dataclass(frozen=True)
class RunningCity:
    """A city from `exchange init`, its broker and two of three connectors running: enough witnesses."""

    folder: Path

    def client(self, name: str) -> Path:
        return self.folder / "clients" / f"{name}.toml"


def free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    for base in range(20_000, 30_000, count + 1):
        try:
            opened = [socket.create_server(("127.0.0.1", base + offset)) for offset in range(count)]
        except OSError:
            continue
        for each in opened:
            each.close()
        return base
    raise AssertionError("no free ports")


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCity]:
    folder = tmp_path_factory.mktemp("city") / "中水"
    subprocess.check_call(
        [
            EXCHANGE,
            "init",
            str(folder),
            "--port",
            str(free_ports(4)),
            *("--department", "port", "--department", "press", "--department", "weather"),
        ]
    )
    started = RunningCity(folder)
    processes = []
    try:
        processes.append(serve(folder, "broker", "broker/broker.toml"))
        processes.append(serve(folder, "connector", "departments/port/connector.toml"))
        processes.append(serve(folder, "connector", "departments/weather/connector.toml"))
        await_serving(started)
        yield started
    finally:
        for process in reversed(processes):
            process.terminate()
        codes = [process.wait(timeout=30) for process in processes]
    assert codes == [0, 0, 0], (folder / "broker.log").read_text(encoding="utf-8")


def serve(folder: Path, what: str, config: str) -> subprocess.Popen[bytes]:
    with (folder / f"{what}.log").open("ab") as log:
        return subprocess.Popen([EXCHANGE, what, "serve", str(folder / config)], stdout=log, stderr=log)


def await_serving(city: RunningCity) -> None:
    """Wait until the port's datasets are served, and the witnesses were heard."""
    import exchange  # noqa: PLC0415 - the name is a fixture's here
    from exchange.errors import ExchangeError  # noqa: PLC0415

    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            with exchange.connect(city.client("press")) as opened:
                found = opened.datasets()
                if "port.requests" in found and found["port.requests"].availability == "serving":
                    opened.read("port.requests", purpose="trial", limit=1).to_arrow()
                    return
        except ExchangeError:
            pass
        time.sleep(0.1)
    logs = "\n".join(path.read_text(encoding="utf-8") for path in city.folder.glob("*.log"))
    raise AssertionError(f"the city did not start:\n{logs}")
