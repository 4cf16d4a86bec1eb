"""`exchange get`: a dataset into a file that is whole or not there."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exchange.cli.console import ALARMED, because, say, size, tell
from exchange.cli.options import AsJson, Config
from exchange.cli.preview import show
from exchange.cli.progress import reading as progress_of
from exchange.cli.sinks import check_suffix, open_sink
from exchange.errors import ConfigError

if TYPE_CHECKING:
    from exchange.client.alarms import Alarm
    from exchange.client.reading import Reading

PREVIEW_ROWS = 20
app = typer.Typer()


@app.command()
def get(  # noqa: PLR0917 - an option each
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="For example port.flights.")],
    config: Config,
    purpose: Annotated[
        str, typer.Option("--purpose", help="What the data is for, for example emergency-response.")
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="FILE", help=".parquet, .csv, .arrow or .jsonl; - shows the first rows."
        ),
    ] = "-",
    columns: Annotated[
        str, typer.Option("--columns", help="Comma-separated; all that are allowed if left out.")
    ] = "",
    where: Annotated[str, typer.Option("--where", help='Which rows, for example "dep_delay > 60".')] = "",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many rows.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read a dataset. The file appears only when the owner's signed account of the stream agrees with it."""
    from exchange.client.city import connect  # noqa: PLC0415 - a command loads what it uses

    names = names_in(columns)
    preview = out == "-"
    if not preview:
        check_target(out, force=force)
    with connect(config) as city:
        rows_max = min(limit or PREVIEW_ROWS, PREVIEW_ROWS) if preview else limit
        found = city.read(dataset, purpose=purpose, columns=names, where=where, limit=rows_max)
        if preview:
            show(found.to_arrow(), as_json=as_json)
        else:
            write(found, Path(out), rows_max, force=force)
        _account(found, "" if preview else out, as_json=as_json)
    # asked once the city is closed: by then what earlier runs left to be proven has been looked at
    if city.alarms:
        raise typer.Exit(_alarmed(city.alarms, city.alarms_folder))


def _alarmed(alarms: Sequence[Alarm], folder: Path | None) -> int:
    for alarm in alarms:
        tell(f"exchange: ALARM: {alarm.text}" + (f" (id {alarm.id})" if alarm.id else ""))
    if folder is not None:
        tell(f"  hint: once it is dealt with, remove its file in {folder}")
    return ALARMED


def names_in(columns: str) -> list[str]:
    """The column names in a comma-separated text; none if it is empty.

    Raises:
        ConfigError: there are commas only.
    """
    names = [name.strip() for name in columns.split(",") if name.strip()]
    if columns.strip() and not names:
        raise ConfigError("--columns names no column", hint="leave it out for all that you may read")
    return names


def check_target(out: str, *, force: bool) -> None:
    """Refuse early what could only fail once the data has been read.

    Raises:
        ConfigError: an unknown format, a folder that is not there, or a file that is.
    """
    path = Path(out)
    if not out:
        raise ConfigError("--out names no file", hint="without --out you see the first rows")
    try:
        if path.is_dir():
            raise ConfigError(f"{path} is a folder", hint=f"name a file in it, like {path / 'rows.parquet'}")
        check_suffix(path)
        if not path.parent.is_dir():
            raise ConfigError(f"there is no folder {path.parent}", hint="make it first")
        if path.exists() and not force:
            raise ConfigError(f"{path} exists already", hint="--force replaces it")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {because(error)}") from None


def write(reading: Reading, path: Path, rows_max: int | None, *, force: bool) -> None:
    """Stream a reading into the file, in constant memory.

    It grows under another name and gets its own only after the trailer was verified: what is cut short never
    looks whole.

    Raises:
        ConfigError: the file cannot be written.
        ExchangeError: as iterating over the reading.
    """
    suffix = check_suffix(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        _stream(reading, partial, suffix, rows_max)
        if force:
            partial.replace(path)
        else:
            path.hardlink_to(partial)  # unlike a rename it never replaces what came meanwhile
    except FileExistsError:
        raise ConfigError(f"{path} exists already", hint="--force replaces it") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {because(error)}") from None
    finally:
        with suppress(OSError):  # where nothing can be written, nothing was
            partial.unlink(missing_ok=True)


def _stream(reading: Reading, partial: Path, suffix: str, rows_max: int | None) -> None:
    sink, rows, taken = None, 0, 0
    with progress_of(reading.request.dataset, rows_max) as tell:
        try:
            for batch in reading:
                sink = sink or open_sink(partial, suffix, batch.schema)
                sink.write(batch)
                rows, taken = rows + batch.num_rows, taken + batch.nbytes
                tell(rows, f"{rows:,} rows · {size(taken)}")
            sink = sink or open_sink(partial, suffix, reading.schema)
        finally:
            if sink is not None:
                sink.close()


def _account(reading: Reading, out: str, *, as_json: bool) -> None:
    report = reading.report
    if report is None:  # an answer that ended without an error has its account
        raise AssertionError("a reading ended without a report")
    if as_json:
        if out:
            fields = report.model_dump(mode="json") | {"file": out, "receipt_recorded": reading.delivered}
            print(json.dumps(fields, ensure_ascii=False))
        return
    if out:
        say(f"{out}: {report.rows:,} rows, {size(report.bytes)}")
    say(f"  id {report.id} · revision {report.revision} · record {report.audit_index}")
    say(f"  sha256 {report.digest}")
