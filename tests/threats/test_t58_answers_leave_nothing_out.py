"""T58: whoever owns the files of a log cannot make an answer look complete that leaves records out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audit_house import PUBLIC
from kept_house import grown, shortened
from told_house import telling
from typer.testing import CliRunner, Result

from exchange.audit.storage.layout import Layout
from exchange.cli.main import app

KEY = PUBLIC.text
PERIOD = ("--from", "2026-11-01", "--to", "2027-01-31")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, words)], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grown(tmp_path_factory.mktemp("genuine") / "log")


@pytest.fixture
def log(genuine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(genuine, tmp_path / "log"))


def remove_segment(log: Path) -> None:
    Layout(log).segments()[1].unlink()


def cut_commit_line(log: Path) -> None:
    segment = Layout(log).segments()[1]
    segment.write_bytes(segment.read_bytes().rpartition(b"#commit")[0])


HOLES = pytest.mark.parametrize("hole", [remove_segment, cut_commit_line])


@HOLES
@pytest.mark.parametrize("command", [("search", "--kind", "decision"), ("reconcile",)])
def test_a_hole_in_the_log_is_named_and_never_called_complete(
    log: Path, hole: Callable[[Path], None], command: tuple[str, ...]
) -> None:
    hole(log)
    done = run(command[0], log, *command[1:], "--key", KEY)
    assert done.exit_code == 1
    assert "were signed and are not here" in done.stderr
    assert "proven complete" not in done.output
    assert "every account fits" not in done.output


def test_records_removed_at_the_beginning_are_said_to_be_missing(log: Path) -> None:
    removed = shortened(log)[0]
    done = run("search", log, "--key", KEY, "--count")
    assert done.exit_code == 0
    assert f"proven complete from record {removed.size} on" in done.stderr
    report = run("report", log, *PERIOD, "--key", KEY, "--json")
    assert json.loads(report.stdout)["basis"]["remark"].startswith(f"records 0 to {removed.size - 1}")


def blinded(index: Path) -> None:
    """The owner of the folder makes the index say that no record is a decision, an end, or anything else."""
    for path in index.glob("*.parquet"):
        table = pq.read_table(path)
        at, metadata = table.schema.get_field_index("kind"), table.schema.metadata
        nothing = pa.array(["log"] * table.num_rows, pa.string())
        blind = table.set_column(at, table.schema.field(at), nothing)
        pq.write_table(blind.replace_schema_metadata(metadata), path)


def test_a_verified_report_does_not_count_from_an_index_that_came_with_the_log(log: Path) -> None:
    assert run("index", log).exit_code == 0
    blinded(log / "index")
    given: dict[str, Any] = json.loads(run("report", log, *PERIOD, "--json").stdout)
    assert dict(given["figures"])["granted"] == 0  # what the attack does where nothing is proven
    told = json.loads(run("report", log, *PERIOD, "--key", KEY, "--json").stdout)
    assert (told["basis"]["verified"], dict(told["figures"])["granted"]) == ("yes", 36)


def test_an_index_that_came_with_the_log_hides_no_finding_from_a_proven_matching(tmp_path: Path) -> None:
    log = tmp_path / "cheated"
    with telling(log) as city:
        city.decide()
        city.start()
        city.end(rows=3)
        city.received()
    assert run("index", log).exit_code == 0
    blinded(log / "index")
    hidden = run("reconcile", log)
    assert (hidden.exit_code, hidden.stdout) == (0, "every account fits\n")
    assert "--key or --trust would prove" in hidden.stderr
    found = run("reconcile", log, "--key", PUBLIC.text, "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["code"] == "connector-says-less"


def test_an_index_cannot_pass_a_record_off_as_one_of_another_access(log: Path, tmp_path: Path) -> None:
    assert run("index", log).exit_code == 0
    (path,) = (log / "index").glob("*.parquet")
    table = pq.read_table(path)
    at, metadata = table.schema.get_field_index("id"), table.schema.metadata
    same = pa.array([f"{5:032x}"] * table.num_rows, pa.string())
    pq.write_table(table.set_column(at, table.schema.field(at), same).replace_schema_metadata(metadata), path)
    done = run("prove", f"{5:032x}", log, "--key", KEY, "--out", tmp_path / "evidence")
    assert (done.exit_code, "of another access" in done.stderr) == (2, True)
    assert not (tmp_path / "evidence").exists()
    assert run("prove", f"{5:032x}", log, "--key", KEY, "--out", tmp_path / "e", "--scan").exit_code == 0
