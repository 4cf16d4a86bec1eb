"""`exchange audit report` and `watch`, as an auditor types them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_house import PUBLIC, decision, forged, open_log
from typer.testing import CliRunner, Result

from exchange.cli.main import app

KEY = PUBLIC.text
EXCHANGE = str(Path(sys.executable).with_name("exchange"))
DAY = ("--from", "2026-11-22", "--to", "2026-11-22")
WAIT_S = 30


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two days' worth of nothing but dispatch's twelve requests at noon."""
    with open_log(tmp_path / "log") as opened:
        for batch in range(4):
            opened.append_many([decision(batch * 3 + number) for number in range(3)])
    return tmp_path / "log"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, words)], env={"COLUMNS": "200", "EXCHANGE_CONFIG": ""})


def edit(batches: list[list[bytes]]) -> None:
    batches[2][1] = batches[2][1].replace(b'"allow"', b'"deny"')


def test_a_report_is_a_page_a_folder_of_tables_and_json(log: Path, tmp_path: Path) -> None:
    out, tables = tmp_path / "r.html", tmp_path / "tables"
    result = run("report", log, *DAY, "--out", out, "--csv", tables, "--key", KEY, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["basis"]["verified"], told["basis"]["size"]) == ("yes", 14)
    assert dict(told["figures"])["granted"] == 12
    assert "Verified: every record" in out.read_text(encoding="utf-8")
    assert (tables / "readers.csv").read_text(encoding="utf-8-sig").count("port.flights") == 1


def test_the_same_log_gives_the_same_report(log: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1.html", tmp_path / "2.html"
    assert run("report", log, *DAY, "--out", first).exit_code == 0
    assert run("report", log, *DAY, "--out", second, "--index", tmp_path / "other").exit_code == 0
    assert first.read_bytes() == second.read_bytes()


def test_a_report_of_an_altered_log_says_so_and_exits_1(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    result = run("report", forged(log, edit, digests=True), *DAY, "--out", out, "--key", KEY)
    assert result.exit_code == 1
    assert "the log was altered: record 5 was edited" in result.stderr
    assert "ALTERED" in out.read_text(encoding="utf-8")


def test_there_is_no_report_of_files_that_cannot_be_read(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    result = run("report", forged(log, edit), *DAY, "--out", out)
    assert (result.exit_code, out.exists()) == (1, False)
    assert "framing is damaged" in result.stderr


def test_a_report_can_be_of_one_department_or_dataset(log: Path) -> None:
    for words, granted in ((("--department", "weather"), 0), (("--dataset", "port.flights"), 12)):
        result = run("report", log, *DAY, *words, "--json")
        assert dict(json.loads(result.stdout)["figures"])["granted"] == granted


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("LOG", *DAY), "nothing says where the report goes"),
        (("nowhere", *DAY, "--json"), "no audit log at nowhere"),
        (("LOG", "--from", "soon", "--to", "later", "--json"), "neither a day nor a moment"),
        (("LOG", *DAY, "--json", "--department", "a", "--dataset", "a.b"), "exclude each other"),
        (("LOG", *DAY, "--json", "--key", "a+b+c"), "no verifier key"),
        (("LOG", *DAY, "--out", "/proc/nothing/r.html"), "cannot be written"),
    ],
)
def test_what_cannot_be_reported_exits_2_and_says_why(log: Path, words: tuple[str, ...], told: str) -> None:
    result = run("report", *(str(log) if word == "LOG" else word for word in words))
    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.stderr


class Watching:
    """A watch in a process of its own."""

    def __init__(self, *words: str | Path) -> None:
        self.process = subprocess.Popen(
            [EXCHANGE, "audit", "watch", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._timer = threading.Timer(WAIT_S, self.process.kill)
        self._timer.start()

    def told(self, text: str) -> str:
        """What it says on stderr up to this text; fails when it ends before."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if text in line:
                return line
        raise AssertionError(f"{text!r} was never said")

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(WAIT_S)

    def close(self) -> None:
        self._timer.cancel()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def watching() -> Iterator[list[Watching]]:
    opened: list[Watching] = []
    yield opened
    for one in opened:
        one.close()


def test_a_watch_shows_new_records_that_fit_and_ends_cleanly(log: Path, watching: list[Watching]) -> None:
    watch = Watching(log, "--key", KEY, "--every", "1", "--dataset", "port.ships", "--json")
    watching.append(watch)
    watch.told("from record 14 on")
    with open_log(log) as opened:
        opened.append_many([decision(100), decision(101, dataset="port.ships")])
    assert json.loads(watch.line())["id"] == f"{101:032x}"
    assert watch.interrupt() == 130


def test_a_watch_raises_the_alarm_when_the_log_is_not_what_it_signs(
    log: Path, watching: list[Watching]
) -> None:
    watch = Watching(log, "--key", KEY, "--every", "1")
    watching.append(watch)
    watch.told("from record 14 on")
    kept = (log / "checkpoint").read_bytes()
    with open_log(log) as opened:
        opened.append(decision(100))
    assert "decision" in watch.line() + watch.line()
    (log / "checkpoint").write_bytes(kept)
    assert "the log has shrunk" in watch.told("ALARM")
    assert watch.process.wait(WAIT_S) == 1


def test_a_watch_says_which_log_it_lacks() -> None:
    result = run("watch")
    assert result.exit_code == 2
    assert "nothing says which log" in result.stderr
