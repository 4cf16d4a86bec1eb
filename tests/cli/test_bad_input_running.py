"""What goes wrong while a city runs, as a person meets it: real processes, and Chinese names throughout."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import outside_tools
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exchange.security.pki import enrolment
from exchange.security.pki.authority_store import AuthorityStore

from .conftest import EXCHANGE, RunningCity, await_serving, free_ports, serve

ROWS = 150_000
PROCESSES = ("connector", "witness", "broker")
"""Of the port, of the weather service (a second witness), of the city; in the order of stopping."""
TABLES = {
    "航班": ("航班.parquet", ("名称", "航班 号")),
    "消失": ("消失.parquet", ("名称", "航班 号")),
    "参差": ("参差.csv", ("甲", "乙")),
}
MICROS = 1_000_000


@dataclass(frozen=True)
class Town(RunningCity):
    """A city whose processes a test may stop and start."""

    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        self.processes["broker"] = serve(self.folder, "broker", "broker/broker.toml")
        self.processes["connector"] = serve(self.folder, "connector", "departments/port/connector.toml")
        self.processes["witness"] = serve(self.folder, "connector", "departments/weather/connector.toml")
        await_serving(self)

    def stop(self, what: str) -> int:
        process = self.processes.pop(what)
        process.terminate()
        return process.wait(timeout=30)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A running city whose port shares Chinese tables, one of them with a ragged line far down."""
    started = Town(tmp_path_factory.mktemp("bad") / "中水市")
    found(started.folder)
    try:
        started.start()
        yield started
    finally:
        codes = [started.stop(what) for what in PROCESSES if what in started.processes]
    assert codes == [0, 0, 0]


def found(folder: Path) -> None:
    names = [part for name in ("port", "press", "weather") for part in ("--department", name)]
    ends = ("--port", str(free_ports(4)), *names)
    subprocess.check_call([EXCHANGE, "init", str(folder), *ends], stdout=subprocess.DEVNULL)
    home, policies = folder / "departments" / "port", folder / "policies" / "departments" / "port"
    rows = pa.table({"名称": ["张三", "李四", "O'Neil"] * (ROWS // 3), "航班 号": list(range(ROWS))})
    for name in ("航班", "消失"):
        pq.write_table(rows, home / "data" / f"{name}.parquet", row_group_size=10_000)
    ragged = "甲,乙\n" + "1,2\n" * 200_000 + "3,4,5\n"
    (home / "data" / "参差.csv").write_text(ragged, encoding="utf-8")
    for name, (file, columns) in TABLES.items():
        append(
            home / "connector.toml", f'[[dataset]]\nname = "{name}"\ntitle = "{name}表"\ntable = "{file}"\n'
        )
        append(policies / "datasets.toml", declared(name, columns))
        append(policies / "grants.csv", f"p, role:partner, port.{name}, read, trial, allow\n")


def declared(name: str, columns: tuple[str, ...]) -> str:
    facts = 'sharing = "conditional"\ncondition = "试用"\ngrade = "general"\nupdate_cycle = "daily"\n'
    levels = "".join(f'"{column}" = {{ level = "public" }}\n' for column in columns)
    return f'[dataset."port.{name}"]\ntitle = "{name}表"\n{facts}[dataset."port.{name}".columns]\n{levels}'


def append(path: Path, text: str) -> None:
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{text}", encoding="utf-8")


def run(
    *arguments: str | Path, wrapper: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """The program as a process of its own."""
    command = [*wrapper, EXCHANGE, *map(str, arguments)]
    env = {key: value for key, value in os.environ.items() if key != "COLUMNS"} | environment
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)


def get(
    town: Town, dataset: str, *more: str | Path, purpose: str = "trial", **options: str
) -> subprocess.CompletedProcess[str]:
    return run("get", dataset, "--purpose", purpose, "-c", town.client("press"), *more, **options)


def told(ended: subprocess.CompletedProcess[str], code: int, *texts: str) -> None:
    """It ended with the code and said this, in one line and perhaps a hint; nothing of our inside."""
    said = ended.stderr.splitlines()
    assert ended.returncode == code, ended.stderr
    assert said[0].startswith("exchange: ")
    assert len(said) == 1 or (len(said) == 2 and said[1].startswith("  hint: ")), ended.stderr
    assert "Traceback" not in ended.stderr
    for text in texts:
        assert text in ended.stderr


@pytest.mark.parametrize(
    ("dataset", "more", "code", "text"),
    [
        ("port.没有", (), 1, "the catalogue shows what is granted to you"),
        ("航班", (), 2, "a dataset id is <department>.<name>"),
        ("port.航班", ("--columns", "名称,城市"), 2, "unknown column '城市'; you may read 名称, 航班 号"),
        ("port.航班", ("--columns", "名 称"), 2, "unknown column '名 称'"),
        ("port.航班", ("--columns", "名称,名称"), 2, "name each once"),
        ("port.航班", ("--columns", " , "), 2, "--columns names no column"),
        ("port.航班", ("--where", "城市 = '张三'"), 2, "unknown column '城市' in the predicate"),
        ("port.航班", ("--where", "名称 ="), 2, "cannot be parsed"),
        ("port.航班", ("--where", '名称 = "张三"'), 2, "text and dates in single quotes"),
        ("port.航班", ("--where", "\"航班 号\" > '多'"), 2, "does not fit '航班 号'"),
        ("port.航班", ("--limit", "0"), 2, "greater than or equal to 1"),
    ],
)
def test_a_request_that_is_wrong_says_which_part_and_what_to_do(
    town: Town, dataset: str, more: tuple[str, ...], code: int, text: str
) -> None:
    told(get(town, dataset, *more), code, text)


def test_a_purpose_nobody_declared_answers_like_one_that_was_not_granted(town: Town) -> None:
    undeclared, ungranted = (get(town, "port.航班", purpose=name) for name in ("试", "stewardship"))

    told(undeclared, 1)
    assert [re.sub("[0-9a-f]{32}", "", each.stderr) for each in (undeclared, ungranted)] == [
        re.sub("[0-9a-f]{32}", "", undeclared.stderr)
    ] * 2


def test_chinese_names_spaces_and_quotes_pass_unharmed(town: Town, tmp_path: Path) -> None:
    out = tmp_path / "结果 一.jsonl"

    ended = get(town, "port.航班", "--columns", " 航班 号 , 名称 ", "--where", "名称 = '张三'", "--out", out)

    assert ended.returncode == 0, ended.stderr
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == ROWS // 3
    assert rows[1] == {"航班 号": 3, "名称": "张三"}
    assert get(town, "port.航班", "--where", "名称 = 'O''Neil'", "--limit", "1").stdout.count("O'Neil") == 1


def test_a_huge_limit_is_just_a_limit(town: Town) -> None:
    assert get(town, "port.航班", "--where", '"航班 号" < 2', "--limit", "9" * 18).returncode == 0


def test_a_file_with_a_ragged_line_leaves_no_file(town: Town, tmp_path: Path) -> None:
    told(get(town, "port.参差", "--out", tmp_path / "out.csv"), 4, "too few or too many fields")

    assert list(tmp_path.iterdir()) == []
    log = (town.folder / "connector.log").read_text(encoding="utf-8")
    (line,) = [line for line in log.splitlines() if "参差.csv" in line]
    assert "CSV Error on Line: 200002" in line
    assert "Possible fixes" not in line


def test_a_parquet_file_that_vanishes(town: Town) -> None:
    file = town.folder / "departments" / "port" / "data" / "消失.parquet"
    assert get(town, "port.消失", "--limit", "1").returncode == 0

    file.rename(file.with_suffix(".away"))
    ended = get(town, "port.消失", "--limit", "1")
    file.with_suffix(".away").rename(file)

    assert ended.returncode in {3, 4}
    told(ended, ended.returncode, "tell the department that owns the dataset")
    assert get(town, "port.航班", "--limit", "1").returncode == 0


@pytest.mark.parametrize(
    ("out", "text"),
    [
        ("", "--out names no file"),
        (".", "is a folder"),
        ("没有/x.csv", "there is no folder"),
        ("x.xlsx", "let --out end in .parquet, .csv, .arrow, .jsonl"),
        ("x" * 300 + ".csv", "file name too long"),
        ("here.csv", "--force replaces it"),
        ("folder.csv", "is a folder"),
    ],
)
def test_a_target_that_cannot_be_written(town: Town, tmp_path: Path, out: str, text: str) -> None:
    (tmp_path / "here.csv").write_text("mine")
    (tmp_path / "folder.csv").mkdir()

    told(get(town, "port.航班", "--out", tmp_path / out if out else ""), 2, text)

    assert (tmp_path / "here.csv").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.csv", "here.csv"]


def test_the_same_path_twice_at_once_gives_one_whole_file(town: Town, tmp_path: Path) -> None:
    out = tmp_path / "一.parquet"
    command = [EXCHANGE, "get", "port.航班", "--purpose", "trial", "-c", town.client("press"), "--out", out]

    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    texts = [each.communicate(timeout=60)[1] for each in both]

    assert sorted(each.returncode for each in both) == [0, 2]
    assert any("exists already" in text for text in texts)
    assert pq.read_metadata(out).num_rows == ROWS
    assert list(tmp_path.iterdir()) == [out]


def test_ctrl_c_in_the_middle_leaves_nothing_behind(town: Town, tmp_path: Path) -> None:
    out = tmp_path / "cut.jsonl"
    command = [EXCHANGE, "get", "port.航班", "--purpose", "trial", "-c", town.client("press"), "--out", out]
    reading = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until(lambda: any(tmp_path.iterdir()))

    reading.send_signal(signal.SIGINT)
    said = reading.communicate(timeout=30)[1]

    assert reading.returncode == 130
    assert said.splitlines()[-1] == "exchange: interrupted"
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_output_that_nobody_takes(town: Town) -> None:
    catalogue = f"'{EXCHANGE}' catalogue -c '{town.client('press')}' --json"

    def shell(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)

    gone = shell(f"{catalogue} | true; exit ${{PIPESTATUS[0]}}")
    full = shell(f"{catalogue} > /dev/full")
    closed = shell(f"{catalogue} <&- >&-")

    assert (gone.returncode, gone.stderr.removeprefix("policy revision 1\n")) == (130, "")
    assert (full.returncode, full.stderr) == (
        2,
        "exchange: the output cannot be written: no space left on device\n",
    )
    assert (closed.returncode, closed.stderr) == (0, "")


def test_a_narrow_terminal_and_a_pipe_show_no_colour_and_every_name(town: Town) -> None:
    for environment in ({"COLUMNS": "40"}, {"NO_COLOR": "1"}, {"TERM": "dumb"}):
        ended = run("catalogue", "-c", town.client("press"), **environment)
        assert ended.returncode == 0
        assert "\x1b" not in ended.stdout + ended.stderr
        assert all(f"port.{name}" in ended.stdout for name in TABLES)


def altered(town: Town, tmp_path: Path, change: Callable[[str], str], who: str = "press") -> Path:
    """A client's configuration and keys, copied and altered."""
    copy = tmp_path / "clients"
    shutil.copytree(town.folder / "clients", copy)
    config = copy / f"{who}.toml"
    config.write_text(change(config.read_text(encoding="utf-8")), encoding="utf-8")
    return config


def port_of(town: Town) -> int:
    found = re.search(r'broker = "127.0.0.1:(\d+)"', town.client("press").read_text(encoding="utf-8"))
    assert found
    return int(found[1])


def test_a_broker_that_is_down(town: Town, tmp_path: Path) -> None:
    config = altered(town, tmp_path, lambda text: text.replace(str(port_of(town)), "1"))

    told(run("catalogue", "-c", config), 3, "nothing listens at 127.0.0.1:1", "hint: start it")


def test_the_address_of_another_process_of_the_city(town: Town, tmp_path: Path) -> None:
    port = port_of(town)
    config = altered(town, tmp_path, lambda text: text.replace(str(port), str(port + 1)))

    told(run("catalogue", "-c", config), 3, f"127.0.0.1:{port + 1} is another process of the city")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another city of the same name: its authority is another one. Nothing of it runs."""
    folder = tmp_path_factory.mktemp("other") / "别市"
    subprocess.check_call([EXCHANGE, "init", str(folder), "--department", "press"], stdout=subprocess.DEVNULL)
    return folder


def test_a_configuration_of_another_city(town: Town, elsewhere: Path, tmp_path: Path) -> None:
    shutil.copytree(elsewhere / "clients", tmp_path / "clients")
    config = tmp_path / "clients" / "press.toml"
    config.write_text(
        config.read_text(encoding="utf-8").replace("7400", str(port_of(town))), encoding="utf-8"
    )

    told(run("catalogue", "-c", config), 3, "belongs to another city", "compare the address and `roots`")


def test_a_certificate_of_another_authority(town: Town, elsewhere: Path, tmp_path: Path) -> None:
    config = altered(town, tmp_path, lambda text: text)
    for name in ("identity.key", "identity.pem"):
        shutil.copy(elsewhere / "clients" / "press" / name, config.parent / "press" / name)

    told(run("catalogue", "-c", config), 3, "closed the connection", "it may not know your certificate")


@pytest.mark.parametrize(
    ("shift_s", "hours", "texts"),
    [
        (-10 * 86_400, 24.0, ("expired at", "exchange pki renew")),
        (86_400, 24.0, ("valid only from", "check the clock of this machine")),
    ],
)
def test_a_certificate_out_of_its_time(
    town: Town, tmp_path: Path, shift_s: int, hours: float, texts: tuple[str, ...]
) -> None:
    config = altered(town, tmp_path, lambda text: text)
    # an authority as old as the certificate, so that its own dates are not what is complained about
    then_us = time.time_ns() // 1000 + shift_s * MICROS
    authority = AuthorityStore.create(tmp_path / "authority", "zhongshui.example", then_us)
    authority.add_department("press", then_us)
    shutil.copy(town.folder / "clients" / "press" / "identity.pem", config.parent / "press" / "identity.pem")
    enrolment.renew(authority, config.parent / "press", then_us, hours=hours)

    told(run("catalogue", "-c", config), 2, "identity.pem", *texts)


@pytest.mark.needs("faketime")
def test_a_consumers_clock_ten_minutes_off_matters_to_its_own_certificate_only(town: Town) -> None:
    faketime = outside_tools.find("faketime")
    assert faketime

    fast, slow = (
        get(town, "port.航班", "--limit", "1", wrapper=(faketime, "-f", shift)) for shift in ("+10m", "-10m")
    )

    assert fast.returncode == 0, fast.stderr
    told(slow, 2, "holds a certificate that is valid only from", "check the clock of this machine")
    assert get(town, "port.航班", "--limit", "1").returncode == 0


@pytest.mark.needs("faketime")
def test_a_connectors_clock_ten_minutes_off_admits_nobody_and_says_so(town: Town) -> None:
    faketime = outside_tools.find("faketime")
    assert faketime
    log = town.folder / "press.log"
    command = [EXCHANGE, "connector", "serve", str(town.folder / "departments/press/connector.toml")]
    with log.open("ab") as output:
        off = subprocess.Popen([faketime, "-f", "+10m", *command], stderr=output, start_new_session=True)
    try:
        until(lambda: "ALARM: this clock is +600 s off" in log.read_text(encoding="utf-8"))
        ended = run("get", "press.requests", "--purpose", "trial", "-c", town.client("port"))
    finally:
        os.killpg(off.pid, signal.SIGTERM)
        off.wait(timeout=30)

    told(ended, 3, "the connector's clock and the broker's disagree", "must set the clock")


def test_sigterm_under_load_ends_with_0_and_keeps_the_state(town: Town, tmp_path: Path) -> None:
    client = town.client("press")
    command = [EXCHANGE, "get", "port.航班", "--purpose", "trial", "-c", client, "--out"]
    readings = [
        subprocess.Popen([*command, tmp_path / f"{number}.jsonl"], stdout=subprocess.DEVNULL)
        for number in range(3)
    ]
    until(lambda: len(list(tmp_path.iterdir())) == len(readings))

    codes = [town.stop(what) for what in PROCESSES]
    read = [each.wait(timeout=60) for each in readings]
    town.start()

    assert codes == [0, 0, 0]
    assert read == [0, 0, 0]  # whoever had begun was let finish
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.jsonl", "1.jsonl", "2.jsonl"]
    assert get(town, "port.航班", "--limit", "1").returncode == 0
    verified = run(
        "audit", "verify", town.folder / "broker/audit", "--key", town.folder / "broker/audit/public.key"
    )
    assert verified.returncode == 0, verified.stdout


def until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)
