"""`exchange policy test`: the example city's cases, and what a steward sees when one fails."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from opa_house import free_port, opa_server
from small_city import EXAMPLE_CITY
from typer.testing import Result

from exchange.cli.console import REFUSED, UNAVAILABLE, USAGE

Exchange = Callable[..., Result]


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE_CITY, tmp_path / "policies"))


def widen(city: Path) -> None:
    """A steward forgets the row filter."""
    file = city / "departments/port/obligations.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('rows = "dep_delay > 30 OR dep_time IS NULL"\n', ""), encoding="utf-8")


def test_the_example_citys_cases_hold_and_leave_nothing_untouched(exchange: Exchange) -> None:
    result = exchange("policy", "test", EXAMPLE_CITY, "--require-coverage", "100")
    assert (result.exit_code, result.stdout.rstrip().endswith("0 failed")) == (0, True), result.output


@pytest.mark.needs("opa")
def test_the_example_citys_cases_hold_on_a_real_opa_server_too(exchange: Exchange) -> None:
    with opa_server() as opa:
        result = exchange("policy", "test", EXAMPLE_CITY, "--opa", opa.url)
    assert result.exit_code == 0, result.output
    assert "cases on regorus, opa:" in result.stdout


def test_a_case_that_fails_says_what_was_expected_and_why_it_is_not_so(
    exchange: Exchange, city: Path, tmp_path: Path
) -> None:
    widen(city)
    report = tmp_path / "report.xml"
    result = exchange("policy", "test", city, "--junit", report)
    assert result.exit_code == REFUSED
    assert "FAILED  departments/port/cases/flights.yaml:10" in result.stdout
    assert "got       all" in result.stdout
    assert "departments/port/obligations.toml:" in result.stdout
    assert ET.parse(report).getroot().get("failures") == "1"  # noqa: S314 -- our own text


def test_as_json(exchange: Exchange, city: Path) -> None:
    widen(city)
    result = exchange("policy", "test", city, "--json", "--coverage", "--only", "flights.yaml")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"]) == (REFUSED, False)
    assert 0 < told["coverage"]["percent"] < 100


def test_too_little_coverage_fails(exchange: Exchange) -> None:
    result = exchange("policy", "test", EXAMPLE_CITY, "--only", "aircraft", "--require-coverage", "90")
    assert result.exit_code == REFUSED
    assert "is below 90 %" in result.output


def test_on_the_engine_of_a_broker(exchange: Exchange, tmp_path: Path) -> None:
    broker = tmp_path / "broker.toml"
    broker.write_text('trust_domain = "x"\n[rego]\nworkers = 1\ntimeout_ms = 5000\n')
    result = exchange("policy", "test", EXAMPLE_CITY, "--broker", broker, "--only", "flights")
    assert result.exit_code == 0, result.output
    assert "on regorus, regorus in workers:" in result.stdout


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--only", "no such case"), REFUSED, "no case holds 'no such case'"),
        (("--opa", "http://opa.example"), USAGE, "another host needs https"),
        (("--junit", "/nowhere/at/all.xml"), USAGE, "cannot be written"),
        (("--require-coverage", "101"), USAGE, "less than or equal to 100"),
    ],
)
def test_what_cannot_be_done(exchange: Exchange, more: tuple[str, ...], code: int, said: str) -> None:
    result = exchange("policy", "test", EXAMPLE_CITY, *more)
    assert result.exit_code == code
    assert said in result.output


def test_an_opa_server_that_is_down(exchange: Exchange) -> None:
    result = exchange("policy", "test", EXAMPLE_CITY, "--opa", f"http://127.0.0.1:{free_port()}")
    assert result.exit_code == UNAVAILABLE
    assert "hint: start it" in result.output


def test_policies_without_cases_are_not_called_tested(exchange: Exchange, city: Path) -> None:
    for folder in city.rglob("cases"):
        shutil.rmtree(folder)
    result = exchange("policy", "test", city)
    assert result.exit_code == REFUSED
    assert "no case stands beside the policies" in result.output
