"""The program's outside: its help, its codes, what an unforeseen error looks like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer
from typer.testing import Result

from exchange import errors
from exchange.cli import catalogue, main
from exchange.cli.console import complain, exit_code, plain, size
from exchange.errors import ExchangeError

Run = Callable[..., Result]
NOUNS = ["init", "catalogue", "get", "usage", "policy", "audit", "pki", "broker", "connector"]


def test_the_help_names_every_noun_in_order(exchange: Run) -> None:
    lines = exchange("--help").stdout.splitlines()

    shown = [line.strip("│ ").split(" ")[0] for line in lines if line.startswith("│ ") and "--" not in line]
    assert shown == NOUNS


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_explains_itself(exchange: Run, noun: str) -> None:
    result = exchange(noun, "--help")

    assert result.exit_code == 0
    assert "Usage:" in result.stdout


@pytest.mark.parametrize(
    ("noun", "commands"),
    [
        ("policy", ["check", "explain", "publish"]),
        ("audit", ["verify", "list", "show", "fetch"]),
        ("broker", ["serve"]),
        ("connector", ["serve"]),
    ],
)
def test_a_noun_has_these_commands(exchange: Run, noun: str, commands: list[str]) -> None:
    text = exchange(noun, "--help").stdout

    assert all(f"│ {command} " in text for command in commands)


def test_the_options_of_get_are_these(exchange: Run) -> None:
    text = exchange("get", "--help").stdout

    options = ["--config", "--purpose", "--out", "--columns", "--where", "--limit", "--force", "--json"]
    assert all(option in text for option in options)


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    command = command or typer.main.get_command(main.app)
    inner = command.list_commands(None) if hasattr(command, "list_commands") else []
    for name in inner:
        yield from commands(command.get_command(None, name), (*path, name))
    if not inner:
        yield path


COMMANDS = [" ".join(path) for path in commands()]


def test_these_are_all_commands() -> None:
    assert len(COMMANDS) == len(set(COMMANDS))
    assert {"init", "get", "policy publish", "audit fetch", "pki renew", "broker serve"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_speaks_to_programs_too(exchange: Run, command: str) -> None:
    text = exchange(*command.split(), "--help").stdout

    assert ("--log-json" if command.endswith(" serve") else "--json") in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_made_of_sentences_and_of_nothing_foreign(exchange: Run, command: str) -> None:
    text = exchange(*command.split(), "--help").stdout

    assert "completion" not in text
    assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize(
    ("arguments", "text", "help_of"),
    [
        (["catalogue"], "missing option '--config'", "exchange catalogue"),
        (["nowhere"], "no such command 'nowhere'", "exchange"),
        (["--nowhere"], "no such option: --nowhere", "exchange"),
        (["policy", "chek"], "no such command 'chek'", "exchange policy"),
        (["get", "x", "--limit", "0"], "'--limit'", "exchange get"),
        (["get", "x", "--limit", "many"], "'--limit'", "exchange get"),
    ],
)
def test_wrong_usage_is_told_in_two_lines(
    exchange: Run, arguments: list[str], text: str, help_of: str
) -> None:
    result = exchange(*arguments)

    said, hint = result.stderr.splitlines()
    assert result.exit_code == 2
    assert said.startswith("exchange: ")
    assert text in said
    assert hint.startswith("  hint: ")
    assert hint.removeprefix("  hint: ").removesuffix(" --help").endswith(help_of.removeprefix("exchange"))


def test_the_version_is_shown(exchange: Run) -> None:
    assert exchange("--version").stdout.startswith("exchange ")


@pytest.mark.parametrize("arguments", [[], ["get"], ["nowhere"], ["--nowhere"], ["get", "x", "--limit", "0"]])
def test_wrong_usage_ends_with_2(exchange: Run, arguments: list[str]) -> None:
    assert exchange(*arguments).exit_code == 2


def tree(kind: type[ExchangeError] = ExchangeError) -> Iterator[type[ExchangeError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == "exchange.errors":
            yield from tree(child)


CODES = {
    "ExchangeError": 70,
    "ConfigError": 2,
    "PkiError": 2,
    "IdentityError": 1,
    "AccessRefused": 1,
    "RequestInvalid": 2,
    "PredicateInvalid": 2,
    "ColumnUnknown": 2,
    "TicketRefused": 1,
    "Unavailable": 3,
    "ConnectorUnavailable": 3,
    "NotRegistered": 3,
    "AuditUnavailable": 3,
    "LimitReached": 3,
    "StreamBroken": 4,
    "StreamMismatch": 4,
    "SourceFailed": 4,
    "PolicyInvalid": 1,
    "LogCorrupt": 1,
    "RecordGone": 1,
}


def test_every_error_of_the_tree_has_its_code() -> None:
    assert {kind.__name__: exit_code(kind("x")) for kind in tree()} == CODES


def test_an_error_is_told_with_its_id_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    complain(errors.AccessRefused("not granted", id="ab" * 16, hint="ask the steward"))

    assert (
        capsys.readouterr().err
        == f"exchange: not granted (not-granted, id {'ab' * 16})\n  hint: ask the steward\n"
    )


def test_what_others_wrote_cannot_steer_the_terminal() -> None:
    assert plain("\x1b[2J港\r\n") == "\\u001b[2J港\\u000d\n"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (10**13, "10000.0 GB")],
)
def test_sizes_are_shown_for_people(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt(), 130), (errors.StreamBroken("cut"), 4)])
def test_what_ends_a_command_becomes_a_code(
    exchange: Run, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int
) -> None:
    def connect(_config: object) -> None:
        raise raised

    monkeypatch.setattr("exchange.client.city.connect", connect)

    assert exchange(catalogue.__name__.rpartition(".")[2], "-c", "x.toml").exit_code == code


def test_an_unforeseen_error_is_a_text_and_70_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def connect(_config: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("exchange.client.city.connect", connect)
    monkeypatch.setattr(sys, "argv", ["exchange", "catalogue", "-c", "x.toml"])

    with pytest.raises(SystemExit) as ended:
        main.run()

    assert ended.value.code == 70
    told = capsys.readouterr().err
    assert "ZeroDivisionError" in told
    assert "Traceback" not in told


def test_a_consumers_command_loads_no_server() -> None:
    program = (
        "import sys; from exchange.cli import main\n"
        "sys.argv = ['exchange', 'catalogue', '-c', 'nowhere.toml']\n"
        "try: main.run()\nexcept SystemExit: pass\n"
        "heavy = ('exchange.broker', 'exchange.connector', 'duckdb', 'pandas')\n"
        "print([module for module in sys.modules if module.startswith(heavy)])"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "[]"
