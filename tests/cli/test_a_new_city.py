"""`exchange init` writes a city that runs: asked, read, published to, and verified by the program itself."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from .conftest import RunningCity

Run = Callable[..., Result]
OPEN_ROWS = 4
"""Of the sample's six, those that the partner's row filter lets through."""


def get(
    exchange: Run, city: RunningCity, *more: str | Path, who: str = "press", purpose: str = "trial"
) -> Result:
    return exchange("get", "port.requests", "--purpose", purpose, "-c", city.client(who), *more)


def test_the_catalogue_shows_what_was_granted(exchange: Run, city: RunningCity) -> None:
    result = exchange("catalogue", "--config", city.client("press"))

    assert result.exit_code == 0
    assert "port.requests" in result.stdout
    assert "serving" in result.stdout


def test_the_catalogue_for_programs_is_one_object_a_line(exchange: Run, city: RunningCity) -> None:
    result = exchange("catalogue", "--config", city.client("press"), "--json")

    entries = {entry["id"]: entry for entry in map(json.loads, result.stdout.splitlines())}
    assert entries["port.requests"]["availability"] == "serving"
    assert "trial" in entries["port.requests"]["purposes"]


def test_a_preview_shows_governed_rows(exchange: Run, city: RunningCity) -> None:
    result = get(exchange, city)

    assert result.exit_code == 0, result.output
    assert "North Bank" in result.stdout
    assert "河东" in result.stdout
    assert "张伟" not in result.stdout
    assert "burst pipe" not in result.stdout


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".arrow", ".jsonl"])
def test_a_file_holds_the_whole_answer(exchange: Run, city: RunningCity, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"求{suffix}"

    result = get(exchange, city, "--out", out, "--columns", "district,topic")

    assert result.exit_code == 0, result.output
    assert read(out).num_rows == OPEN_ROWS
    assert read(out).column_names == ["district", "topic"]
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert f"{OPEN_ROWS} rows" in result.stdout


def read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path)
    if path.suffix == ".csv":
        return pc.read_csv(path)
    if path.suffix == ".arrow":
        return pa.ipc.open_file(path).read_all()
    return pa.Table.from_pylist([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])


def test_for_programs_the_account_is_one_object(exchange: Run, city: RunningCity, tmp_path: Path) -> None:
    out = tmp_path / "r.parquet"

    account = json.loads(get(exchange, city, "--out", out, "--where", "days_open > 6", "--json").stdout)

    assert account["rows"] == read(out).num_rows == 3
    assert account["outcome"] == "complete"
    assert account["receipt_recorded"] is True
    assert account["file"] == str(out)


def test_an_empty_answer_is_a_file_with_its_columns(exchange: Run, city: RunningCity, tmp_path: Path) -> None:
    out = tmp_path / "none.parquet"

    assert get(exchange, city, "--out", out, "--where", "district = 'nowhere'").exit_code == 0

    assert read(out).num_rows == 0
    assert "district" in read(out).column_names


def test_an_existing_file_is_not_overwritten_without_force(
    exchange: Run, city: RunningCity, tmp_path: Path
) -> None:
    out = tmp_path / "r.csv"
    out.write_text("mine")

    refused = get(exchange, city, "--out", out)
    assert (refused.exit_code, out.read_text()) == (2, "mine")
    assert "--force" in refused.stderr

    assert get(exchange, city, "--out", out, "--force").exit_code == 0
    assert read(out).num_rows == OPEN_ROWS


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["get", "port.requests", "--purpose", "stewardship"], 1, "not granted"),
        (["get", "port.nowhere", "--purpose", "trial"], 1, "not granted"),
        (["get", "port.requests", "--purpose", "no-such-purpose"], 1, "not granted"),
        (["get", "flights", "--purpose", "trial"], 2, "not a dataset id"),
        (["get", "port.requests", "--purpose", "trial", "--columns", "nowhere"], 2, "nowhere"),
        (["get", "port.requests", "--purpose", "trial", "--columns", "remark"], 2, "remark"),
        (["get", "port.requests", "--purpose", "trial", "--where", "drop table x"], 2, "predicate"),
        (["get", "port.requests", "--purpose", "trial", "--where", "days_open > 'x'"], 2, "does not fit"),
        (["get", "press.requests", "--purpose", "trial"], 3, ""),
    ],
)
def test_what_is_refused_says_so_and_leaves_no_file(
    exchange: Run, city: RunningCity, tmp_path: Path, arguments: list[str], code: int, text: str
) -> None:
    out = tmp_path / "r.parquet"
    who = "port" if "press" in arguments[1] else "press"

    result = exchange(*arguments, "-c", city.client(who), "--out", out)

    assert result.exit_code == code, result.output
    assert result.stderr.startswith("exchange: ")
    assert text in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_names_the_id_under_which_the_log_knows_it(
    exchange: Run, city: RunningCity, tmp_path: Path
) -> None:
    refused = get(exchange, city, purpose="stewardship")
    access = refused.stderr.partition(", id ")[2].partition(")")[0]

    recorded = fetched_record(exchange, city, tmp_path, access)

    assert len(access) == 32
    assert recorded["decision"] == "deny"


def fetched_record(exchange: Run, city: RunningCity, folder: Path, access: str) -> dict[str, object]:
    """The first record of an access, once a signed checkpoint covers it: that trails a little."""
    for attempt in range(50):
        copy = folder / f"copy{attempt}"
        assert exchange("audit", "fetch", "-c", city.client("auditor"), "--out", copy).exit_code == 0
        shown = exchange("audit", "show", copy, access, "--json")
        if shown.exit_code == 0:
            found: dict[str, object] = json.loads(shown.stdout.splitlines()[0])
            return found
        time.sleep(0.1)
    raise AssertionError("no checkpoint covers the record")


def test_the_log_can_be_fetched_and_verified(exchange: Run, city: RunningCity, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    get(exchange, city)

    fetched = exchange("audit", "fetch", "-c", city.client("auditor"), "--out", copy)
    verified = exchange("audit", "verify", copy, "--key", city.folder / "broker" / "audit" / "public.key")

    assert fetched.exit_code == 0, fetched.output
    assert verified.exit_code == 0, verified.output
    assert "whole" in verified.stdout


def test_the_witnesses_of_a_new_city_vouch_for_a_fetched_copy(
    exchange: Run, city: RunningCity, tmp_path: Path
) -> None:
    trust = city.folder / "trust.txt"
    for attempt in range(50):
        copy = tmp_path / f"copy{attempt}"
        exchange("audit", "fetch", "-c", city.client("auditor"), "--out", copy)
        if (copy / "cosigned").exists():
            break
        time.sleep(0.1)

    verified = json.loads(exchange("audit", "verify", copy, "--trust", trust, "--json").stdout)

    assert "group more_than_half 2 port press weather" in trust.read_text(encoding="utf-8")
    assert (verified["whole"], set(verified["cosigned_by"])) == (True, {"port", "weather"})


def test_every_actor_of_a_new_city_knows_the_logs_key(city: RunningCity) -> None:
    (line,) = [it for it in (city.folder / "trust.txt").read_text().splitlines() if it.startswith("log ")]
    configured = [*city.folder.glob("clients/*.toml"), *city.folder.glob("departments/*/connector.toml")]

    assert (city.folder / "broker" / "audit" / "public.key").read_text().strip() == line.removeprefix("log ")
    assert all(f'log_key = "{line.removeprefix("log ")}"' in path.read_text("utf-8") for path in configured)


def test_a_fetched_copy_is_never_mixed_with_another(exchange: Run, city: RunningCity, tmp_path: Path) -> None:
    result = exchange("audit", "fetch", "-c", city.client("auditor"), "--out", tmp_path)

    assert (result.exit_code, "exists already" in result.stderr) == (2, True)


def test_only_an_auditor_fetches(exchange: Run, city: RunningCity, tmp_path: Path) -> None:
    result = exchange("audit", "fetch", "-c", city.client("press"), "--out", tmp_path / "copy")

    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_publication_takes_effect_on_the_next_request(
    exchange: Run, city: RunningCity, tmp_path: Path
) -> None:
    def rows() -> int:
        out = tmp_path / "r.parquet"
        assert get(exchange, city, "--out", out, "--force").exit_code == 0
        return read(out).num_rows

    policies = tmp_path / "policies"
    subprocess.check_call(["cp", "-r", str(city.folder / "policies"), str(policies)])
    rule = policies / "departments" / "port" / "obligations.toml"
    before, text = rows(), rule.read_text(encoding="utf-8")

    rule.write_text(text.replace("days_open > 0", "days_open > 10"), encoding="utf-8")
    narrowed = exchange(
        "policy", "publish", policies, "-c", city.client("port-steward"), "-m", "试行", "--json"
    )
    after = rows()
    rule.write_text(text, encoding="utf-8")
    exchange("policy", "publish", policies, "-c", city.client("port-steward"), "-m", "back again")

    assert narrowed.exit_code == 0, narrowed.output
    assert json.loads(narrowed.stdout)["department"] == "port"
    assert (before, after, rows()) == (OPEN_ROWS, 2, OPEN_ROWS)


def test_a_publication_with_a_fault_names_file_and_line_and_changes_nothing(
    exchange: Run, city: RunningCity, tmp_path: Path
) -> None:
    policies = tmp_path / "policies"
    subprocess.check_call(["cp", "-r", str(city.folder / "policies"), str(policies)])
    grants = policies / "departments" / "port" / "grants.csv"
    grants.write_text(grants.read_text(encoding="utf-8").replace("allow", "alow", 2), encoding="utf-8")

    result = exchange("policy", "publish", policies, "-c", city.client("port-steward"), "-m", "why")

    assert result.exit_code == 1
    assert "grants.csv:" in result.stderr


def test_only_a_steward_publishes(exchange: Run, city: RunningCity) -> None:
    result = exchange("policy", "publish", city.folder / "policies", "-c", city.client("press"), "-m", "why")

    assert (result.exit_code, "only a steward" in result.stderr) == (2, True)


def test_every_actor_has_a_certificate_of_its_own(city: RunningCity) -> None:
    keys = [path.read_bytes() for path in city.folder.rglob("identity.key")]

    assert len(keys) == 1 + 3 * 3 + 2  # the broker, three in each of three departments, auditor and steward
    assert len(keys) == len(set(keys))
    assert all(path.stat().st_mode & 0o077 == 0 for path in city.folder.rglob("identity.key"))


def test_the_log_of_a_process_is_one_line_an_event(city: RunningCity) -> None:
    lines = (city.folder / "broker.log").read_text(encoding="utf-8").splitlines()

    assert lines
    assert all(line[:4].isdigit() and line.split(" ")[1] in {"info", "warning", "error"} for line in lines)
