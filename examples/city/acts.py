"""The acts of the story, in order. Each checks what it tells."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from typer.testing import CliRunner

import exchange
from examples.city.stage import Stage, StoryError
from examples.city.town import PROVIDERS, Town
from exchange.cli.main import app
from exchange.client.access import ask, build_request
from exchange.client.session import Session
from exchange.client.settings import ClientSettings
from exchange.client.stream import Stream
from exchange.config import load
from exchange.model.clock import SystemClock

FLIGHTS = "port.flights"
ALL_FLIGHTS = 336_776
RULE = 'rows = "dep_delay > 30 OR dep_time IS NULL"'
STRICTER = 'rows = "dep_delay > 120 OR dep_time IS NULL"'
EXPECTED, STRICTER_EXPECTED = (
    "rows: dep_delay > 30 OR dep_time IS NULL",
    "rows: dep_delay > 120 OR dep_time IS NULL",
)
SHOWN = ["month", "day", "dep_delay", "carrier", "tailnum", "origin", "dest"]
SAMPLE = "month = 7 AND day = 10 AND origin = 'JFK' AND dest = 'LAX' AND dep_delay > 120"


def catalogue(town: Town, stage: Stage) -> None:
    """Who sees which datasets."""
    with exchange.connect(town.client("dispatch")) as city:
        seen = list(city.datasets())
    rows = [[entry.id, entry.title, ", ".join(entry.purposes), len(entry.columns)] for entry in seen]
    stage.table("emergency asks what it may see", ["dataset", "title", "purposes", "columns"], rows)
    with exchange.connect(town.client("desk")) as city:
        hidden = list(city.datasets())
    stage.check("emergency sees what three departments share", holds=len(seen) == len(PROVIDERS))
    stage.check("for press, which holds no grant, none of them exists", holds=not hidden)


def emergency(town: Town, stage: Stage) -> None:
    """The same rows, as emergency sees them and as the owner does."""
    with exchange.connect(town.client("ops")) as port:
        owner = port.read(FLIGHTS, purpose="stewardship", columns=SHOWN, where=SAMPLE).to_arrow()
    with exchange.connect(town.client("dispatch")) as city:
        sample = city.read(FLIGHTS, purpose="emergency-response", columns=SHOWN, where=SAMPLE).to_arrow()
        everything = city.read(FLIGHTS, purpose="emergency-response")
        rows = sum(batch.num_rows for batch in everything)
        withheld = _refused(lambda: city.read(FLIGHTS, purpose="emergency-response", columns=["arr_time"]))
    stage.table("what the owner sees", SHOWN, _rows(owner))
    stage.table("what emergency sees of the same flights", SHOWN, _rows(sample))
    delayed = _at_owner(town, "dep_delay > 30 OR dep_time IS NULL")
    stage.say(f"emergency read {rows:,} of {ALL_FLIGHTS:,} flights in batches (id {everything.id})")
    real, shown = set(owner["tailnum"].to_pylist()), set(sample["tailnum"].to_pylist())
    stage.check("its row filter acts: exactly the late and the cancelled flights", holds=rows == delayed)
    stage.check("tail numbers are pseudonyms", holds=owner.num_rows > 0 and not real & shown)
    stage.check("one aircraft keeps one pseudonym", holds=len(real) == len(shown))
    stage.check("carriers are redacted", holds=set(sample["carrier"].to_pylist()) == {"***"})
    stage.check(
        "a withheld column cannot be asked for", holds=withheld is not None and "arr_time" in str(withheld)
    )


def research(town: Town, stage: Stage) -> None:
    """The same dataset under other obligations."""
    columns = ["time_hour", "dep_delay", "carrier", "tailnum", "origin", "dest"]
    with exchange.connect(town.client("lab")) as city:
        reading = city.read(FLIGHTS, purpose="transport-research", columns=columns, limit=3)
        table = reading.to_arrow()
        observations = city.read("weather.observations", purpose="transport-research").to_arrow()
        aircraft = city.read("registry.aircraft", purpose="transport-research").to_arrow()
    stage.table("what research sees of flights", columns, _rows(table))
    hours = {moment.hour for moment in table["time_hour"].to_pylist()}
    stage.check("times are cut to the day", holds=hours == {0})
    stage.check("delays are rounded to five", holds=all(d % 5 == 0 for d in table["dep_delay"].to_pylist()))
    stage.check(
        f"weather ({observations.num_rows:,} rows of SQLite) and aircraft ({aircraft.num_rows:,} of CSV) too",
        holds=observations.num_rows == 26_115 and aircraft.num_rows == 3_322,
    )


def refusals(town: Town, stage: Stage) -> None:
    """Who is refused, and what they learn."""
    with exchange.connect(town.client("desk")) as press:
        hidden = _refused(lambda: press.read(FLIGHTS, purpose="press-inquiry"))
        absent = _refused(lambda: press.read("port.submarines", purpose="press-inquiry"))
    with exchange.connect(town.client("dispatch")) as city:
        purpose = _refused(lambda: city.read(FLIGHTS, purpose="transport-research"))
    stage.check("press is refused", holds=hidden is not None and hidden.id != "")
    stage.say(f"what press is told: {hidden}")
    alike = [error and (error.stable_reason, error.public) for error in (hidden, absent)]
    stage.check("a hidden dataset and one that does not exist answer alike", holds=alike[0] == alike[1])
    stage.check(
        "a purpose that was not granted is refused",
        holds=purpose is not None and purpose.stable_reason == "not-granted",
    )
    stolen = _steal(town)
    stage.say(f"press, with emergency's ticket at the port's connector: {stolen}")
    stage.check("a department cannot act for another", holds=stolen.startswith("ticket-"))


def publish(town: Town, stage: Stage) -> None:
    """One edited line, published while the city runs; the steward's own test case stands guard."""
    before = _count(town)
    folder = town.folder / "policies"
    publishing = (
        "policy",
        "publish",
        str(folder),
        "--config",
        str(town.client("chen")),
        "-m",
        "只看两小时以上",
    )
    _edit(folder / "departments" / "port" / "obligations.toml", RULE, STRICTER, stage)
    run(town, *publishing, status=1)
    stage.check(
        "it is refused: a test case of the steward's own says otherwise", holds=_count(town) == before
    )
    _edit(folder / "departments" / "port" / "cases" / "flights.yaml", EXPECTED, STRICTER_EXPECTED, stage)
    stage.say(run(town, *publishing).strip())
    after = _count(town)
    stage.say(f"emergency's next request: {after:,} rows instead of {before:,}")
    expected = _at_owner(town, "dep_delay > 120 OR dep_time IS NULL")
    stage.check("the next request sees the new rule; nothing was restarted", holds=after == expected < before)


def _edit(file: Path, line: str, instead: str, stage: Stage) -> None:
    text = file.read_text(encoding="utf-8")
    stage.say(f"{file.name}\n- {line}\n+ {instead}")
    if text.count(line) != 1:
        raise StoryError(f"{file.name} does not have the line once")
    file.write_text(text.replace(line, instead), encoding="utf-8")


def records(town: Town) -> list[dict[str, Any]]:
    """Every record of the log, read as any program could: lines of JSON."""
    lines = (
        line
        for path in sorted((town.audit / "segments").iterdir())
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    return [json.loads(line) for line in lines if line.startswith("{")]


def run(town: Town, *arguments: str, status: int = 0) -> str:
    """What the command line `exchange` prints, in the city's folder; it is not started anew each time.

    Raises:
        StoryError: it ends with another status.
    """
    with contextlib.chdir(town.folder):
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "150"})
    if done.exit_code != status:
        raise StoryError(f"exchange {' '.join(arguments)}: exit {done.exit_code}: {done.output}")
    return done.stdout + done.stderr


def _rows(table: pa.Table, count: int = 4) -> list[list[object]]:
    return [list(row.values()) for row in table.slice(0, count).to_pylist()]


def _at_owner(town: Town, where: str) -> int:
    """The number of rows a condition keeps, counted at the source and not through the exchange."""
    path = town.home("port") / "data" / "flights.parquet"
    with duckdb.connect() as database:
        counted = database.execute(f"SELECT count(*) FROM read_parquet('{path}') WHERE {where}")  # noqa: S608
        return int(counted.fetchall()[0][0])


def _count(town: Town) -> int:
    with exchange.connect(town.client("dispatch")) as city:
        return sum(batch.num_rows for batch in city.read(FLIGHTS, purpose="emergency-response"))


def _refused(read: Any) -> exchange.ExchangeError | None:
    try:
        read().to_arrow()
    except exchange.ExchangeError as error:
        return error
    return None


def _steal(town: Town) -> str:
    """Press redeems a ticket that was issued to emergency; the reason it is given."""
    clock = SystemClock()
    emergency_session = Session(load(town.client("dispatch"), ClientSettings), clock)
    press_session = Session(load(town.client("desk"), ClientSettings), clock)
    try:
        request = build_request(FLIGHTS, "emergency-response")
        grant = ask(emergency_session, request)
        stream = Stream(press_session, request, grant, lambda _: None)
        return f"{sum(batch.num_rows for batch in stream.batches())} rows"
    except exchange.ExchangeError as error:
        return error.stable_reason
    finally:
        emergency_session.close()
        press_session.close()
