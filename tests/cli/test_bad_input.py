"""What people get wrong, and how it is told: the place, the mend, a code; never a traceback."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def city_files(exchange: Run, tmp_path: Path) -> Path:
    """A city that nobody started; port 1 is closed everywhere."""
    folder = tmp_path / "city"
    assert exchange("init", folder, "--port", "1", "--department", "port").exit_code == 0
    return folder


def told(result: Result, code: int, *texts: str) -> None:
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("exchange: ")
    assert "Traceback" not in result.output
    for text in texts:
        assert text in result.stderr


def edit(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


CONFIGS = {
    "client": ("catalogue", "--config", "clients/port.toml"),
    "broker": ("broker", "serve", "broker/broker.toml"),
    "connector": ("connector", "serve", "departments/port/connector.toml"),
}


@pytest.fixture(params=CONFIGS)
def command(request: pytest.FixtureRequest, city_files: Path) -> tuple[list[str], Path]:
    """A command and the configuration it reads."""
    *words, config = CONFIGS[request.param]
    return [*words, str(city_files / config)], city_files / config


def test_a_configuration_that_is_not_toml(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    config.write_text("trust_domain = ", encoding="utf-8")

    told(exchange(*arguments), 2, config.name, "is not TOML")


def test_a_configuration_that_is_missing(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    config.unlink()

    told(exchange(*arguments), 2, config.name, "does not exist")


def test_an_unknown_key(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    edit(config, "trust_domain", "verify = false\ntrust_domain")

    told(exchange(*arguments), 2, "unknown key `verify`")


def test_a_missing_key(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    edit(config, "trust_domain", "# trust_domain")

    told(exchange(*arguments), 2, "key `trust_domain` is missing")


def test_a_key_that_is_nearly_right_is_recognised(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    edit(config, "[tls]", "[tsl]")

    told(exchange(*arguments), 2, "unknown key `tsl`; did you mean `tls`?")


def test_a_value_of_the_wrong_type(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    edit(config, 'trust_domain = "zhongshui.example"', "trust_domain = 7400")

    told(exchange(*arguments), 2, "`trust_domain`: input should be a valid string")


def test_a_folder_for_a_configuration(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command

    told(exchange(*arguments[:-1], config.parent), 2, "is a folder", "name the .toml file in it")


def test_a_pipe_for_a_configuration(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    config.unlink()
    os.mkfifo(config)

    told(exchange(*arguments), 2, "is no plain file")


def test_an_empty_configuration(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    config.write_bytes(b"")

    told(exchange(*arguments), 2, "key `trust_domain` is missing", "docs/configuration.md")


def test_a_hundred_megabytes_of_configuration(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    with config.open("wb") as file:
        file.truncate(100_000_000)

    told(exchange(*arguments), 2, "is larger than 1 MiB")


def test_a_configuration_in_another_encoding(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    config.write_bytes("# city\n# 中水市\n".encode("gbk"))

    told(exchange(*arguments), 2, "is not UTF-8 in line 2", "save it as UTF-8")


def test_a_mark_that_editors_put_first_does_no_harm(exchange: Run, city_files: Path) -> None:
    config = city_files / "clients" / "port.toml"
    config.write_bytes(b"\xef\xbb\xbf" + config.read_bytes())

    told(exchange("catalogue", "-c", config), 3, "nothing listens at 127.0.0.1:1")


def test_tables_nested_beyond_measure(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    config.write_text("a = " + "[" * 100_000, encoding="utf-8")

    told(exchange(*arguments), 2, "is not TOML")


def own(config: Path, name: str) -> Path:
    """A file among the certificates that a configuration names."""
    folder = config.parent / ("port" if config.parent.name == "clients" else "tls")
    return folder / name


@pytest.mark.parametrize("file", ["identity.key", "identity.pem", "roots.pem"])
@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda path: path.write_bytes(b""), "is not a PEM"),
        (lambda path: path.write_bytes(b"junk \xff"), "is not a PEM"),
        (lambda path: (path.unlink(), path.mkdir()), "is a directory"),
    ],
    ids=["empty", "junk", "folder"],
)
def test_a_key_or_certificate_that_is_none(
    exchange: Run, command: tuple[list[str], Path], file: str, spoil: Callable[[Path], object], text: str
) -> None:
    arguments, config = command
    spoil(own(config, file))

    told(exchange(*arguments), 2, file, text)


@pytest.mark.parametrize("name", ["broker", "connector"])
def test_a_state_folder_that_cannot_be_one(exchange: Run, city_files: Path, name: str) -> None:
    *words, config = CONFIGS[name]
    (city_files / "file").touch()
    edit(city_files / config, 'state = "state"', f'state = "{city_files / "file"}"')

    told(exchange(*words, city_files / config), 2, "cannot be made: file exists")


def test_an_address_with_a_scheme(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    edit(config, '"127.0.0.1:1"', '"grpc://127.0.0.1:1"')

    told(exchange(*arguments), 2, "there is no plain-text transport to choose")


def test_a_private_key_that_is_missing(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    edit(config, "identity.key", "nowhere.key")

    told(exchange(*arguments), 2, "nowhere.key", "does not exist")


def test_a_private_key_that_others_can_read(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    own(config, "identity.key").chmod(0o644)

    told(exchange(*arguments), 2, "others can read it", "chmod 600")


def test_a_certificate_of_another_city(exchange: Run, command: tuple[list[str], Path]) -> None:
    arguments, config = command
    edit(config, "zhongshui.example", "other.example")

    told(exchange(*arguments), 2, "identity.pem", "compare `trust_domain` with the certificate")


def test_a_broker_that_does_not_run(exchange: Run, city_files: Path) -> None:
    told(
        exchange("catalogue", "-c", city_files / "clients" / "port.toml"),
        3,
        "nothing listens",
        "hint: start it",
    )


@pytest.mark.parametrize("name", ["broker", "connector"])
def test_a_port_that_is_taken(exchange: Run, city_files: Path, name: str) -> None:
    *words, config = CONFIGS[name]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listens = "127.0.0.1:1" if name == "broker" else "127.0.0.1:2"
        edit(city_files / config, f'listen = "{listens}"', f'listen = "127.0.0.1:{port}"')

        told(exchange(*words, city_files / config), 2, str(port))


@pytest.mark.parametrize(
    ("out", "text"),
    [
        ("x.xlsx", "names no format"),
        ("x", "names no format"),
        ("nowhere/x.csv", "no folder"),
        (".", "is a folder"),
    ],
)
def test_a_target_that_cannot_be_written_is_refused_before_anything_is_asked(
    exchange: Run, city_files: Path, out: str, text: str
) -> None:
    client = city_files / "clients" / "port.toml"

    result = exchange("get", "port.requests", "--purpose", "trial", "-c", client, "--out", city_files / out)

    told(result, 2, text)


def test_init_never_writes_into_a_folder_that_holds_something(exchange: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    told(exchange("init", tmp_path), 2, "is not empty")

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_init_fills_an_empty_folder(exchange: Run, tmp_path: Path) -> None:
    assert exchange("init", tmp_path / "deep" / "city").exit_code == 0
    (tmp_path / "empty").mkdir()
    assert exchange("init", tmp_path / "empty").exit_code == 0

    assert (tmp_path / "empty" / "README.txt").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--department", "Port"],
        ["--department", "city"],
        ["--department", "a/b"],
        ["--department", "port", "--department", "port"],
        ["--trust-domain", "Zhongshui"],
        ["--port", "70000"],
    ],
)
def test_init_refuses_names_that_could_not_work_and_leaves_nothing(
    exchange: Run, tmp_path: Path, arguments: list[str]
) -> None:
    told(exchange("init", tmp_path / "city", *arguments), 2)

    assert list(tmp_path.iterdir()) == []


def test_init_writes_whole_or_not_at_all(
    exchange: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("exchange.cli.scaffold._write_readme", full)

    told(exchange("init", tmp_path / "city"), 2, "no space left")
    assert list(tmp_path.iterdir()) == []


def test_the_sample_policies_are_sound(exchange: Run, city_files: Path) -> None:
    assert exchange("policy", "check", city_files / "policies").exit_code == 0


def test_renewing_works_as_the_readme_says(exchange: Run, city_files: Path) -> None:
    for folder in ("broker/tls", "departments/port/tls", "clients/port", "clients/auditor"):
        renewed = exchange(
            "pki", "renew", city_files / folder, "--authority", city_files / "authority", "--force"
        )
        assert renewed.exit_code == 0, renewed.output


def test_a_city_can_be_moved(exchange: Run, city_files: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.move(city_files, moved)

    told(exchange("catalogue", "-c", moved / "clients" / "port.toml"), 3)
