"""`exchange audit report`: what happened in a period, as a page, as tables, or as JSON."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exchange.audit.reports.period import Period
from exchange.audit.reports.report import Scope
from exchange.cli.audit.indexed import checkpoint_note, own_index
from exchange.cli.audit.options import Folder
from exchange.cli.audit.trusting import MaybeKey, Trust, trust_policy
from exchange.cli.console import because, say, tell
from exchange.cli.options import AsJson
from exchange.cli.progress import counting
from exchange.errors import ConfigError

if TYPE_CHECKING:
    from exchange.audit.proofs.checkpoint import Checkpoint
    from exchange.audit.proofs.trust import TrustPolicy
    from exchange.audit.reports.report import Basis, Report

ALTERED = 1
app = typer.Typer()


@app.command()
def report(  # noqa: PLR0917 - an option each
    folder: Folder,
    since: Annotated[
        str, typer.Option("--from", metavar="DAY|MOMENT", help="Included; UTC unless it says otherwise.")
    ],
    until: Annotated[
        str, typer.Option("--to", metavar="DAY|MOMENT", help="A day is included, a moment is not.")
    ],
    department: Annotated[str, typer.Option("--department", help="Only datasets of this department.")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the report there, as HTML.")
    ] = None,
    tables: Annotated[
        Path | None, typer.Option("--csv", metavar="FOLDER", help="Write its tables there, one file each.")
    ] = None,
    key: MaybeKey = "",
    trust: Trust = None,
    index: Annotated[
        Path | None, typer.Option("--index", metavar="FOLDER", help="Keep the index there, as your own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Report who read what, for which purpose and how much, what was refused, and what is unusual.

    It stands on the records that the log's checkpoint covers; the same log gives the same report. With --key
    or --trust the files are verified first, and the figures come from an index that nobody else could write.
    Exit code: 0, 1 the files were altered (the report says so), 2 usage or files that cannot be read.
    """
    if out is None and tables is None and not as_json:
        raise ConfigError(
            "nothing says where the report goes", hint="add --out report.html, --csv, or --json"
        )
    if department and dataset:
        raise ConfigError("--department and --dataset exclude each other", hint="a dataset names its own")
    period = Period.parse(since, until)
    policy = trust_policy(key, trust) if key or trust else None
    made = _made(folder, index, period, Scope(department=department, dataset=dataset), policy)
    _deliver(made, out, tables, as_json=as_json)
    if made.basis.verified == "altered":
        tell(f"exchange: the log was altered: {made.basis.remark}")
        tell(f"  hint: exchange audit verify {folder} --key KEY")
        raise typer.Exit(ALTERED)


def _made(
    folder: Path, index: Path | None, period: Period, scope: Scope, policy: TrustPolicy | None
) -> Report:
    import duckdb  # noqa: PLC0415 - a command loads what it uses
    from pydantic import ValidationError  # noqa: PLC0415

    from exchange.audit.index.reading import opened  # noqa: PLC0415
    from exchange.audit.reports.gather import gather  # noqa: PLC0415

    basis, checkpoint = _basis(folder, policy)
    with own_index(folder, index, proven=policy is not None) as place:
        basis = _indexed(folder, place, basis, checkpoint)
        try:
            with opened(place) as connection:
                return gather(connection, basis, scope, period)
        except (duckdb.Error, ValidationError):
            raise ConfigError(
                f"the index in {place} says what no log says",
                hint="delete that folder, it is made anew; or give --key, then another one is used",
            ) from None


def _indexed(folder: Path, place: Path, basis: Basis, checkpoint: Checkpoint) -> Basis:
    """Bring the index up to date; of a log that verified, hold it to leaving nothing out."""
    from exchange.audit.index.build import refresh  # noqa: PLC0415 - a command loads what it uses
    from exchange.audit.index.complete import complete  # noqa: PLC0415

    with counting("indexing") as progress:
        if basis.verified != "yes":
            refresh(folder, place, progress=progress)
            return basis
        first = complete(folder, place, checkpoint, progress=progress).first
    if not first:
        return basis
    remark = f"records 0 to {first - 1} were removed under retention and are not counted here"
    return basis.model_copy(update={"remark": remark})


def _basis(folder: Path, policy: TrustPolicy | None) -> tuple[Basis, Checkpoint]:
    """What the log's checkpoint says, and whether the files bear it out."""
    from exchange.audit.follow import stated  # noqa: PLC0415
    from exchange.audit.reports.report import Basis  # noqa: PLC0415
    from exchange.audit.storage.layout import Layout  # noqa: PLC0415
    from exchange.audit.verify import verify  # noqa: PLC0415

    if not Layout(folder).segments_folder.is_dir():
        raise ConfigError(f"there is no audit log at {folder}", hint="name the folder that holds `segments`")
    note = checkpoint_note(folder, policy)
    checkpoint = stated(note)
    basis = Basis(origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root.hex())
    if policy is None:
        return basis, checkpoint
    with counting("verifying, bytes") as progress:
        verdict = verify(folder, policy, checkpoint=note, progress=progress)
    remark = verdict.findings[0].text if verdict.findings else ""
    state = "yes" if verdict.whole else "altered"
    return basis.model_copy(update={"verified": state, "remark": remark}), checkpoint


def _deliver(made: Report, out: Path | None, tables: Path | None, *, as_json: bool) -> None:
    from exchange.audit.reports.page import page  # noqa: PLC0415 - a command loads what it uses
    from exchange.audit.reports.spreadsheet import sheets  # noqa: PLC0415

    if out is not None:
        _write(out, page(made).encode())
    if tables is not None:
        for name, content in sheets(made):
            _write(tables / name, content)
    if as_json:
        print(made.model_dump_json(indent=2, ensure_ascii=True))
        return
    for name, value in made.figures:
        say(f"{value:>16,}  {name}")
    for place in filter(None, (out, tables)):
        say(f"written: {place}")


def _write(path: Path, content: bytes) -> None:
    """Put the file in its place whole."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {because(error)}") from None
    finally:
        partial.unlink(missing_ok=True)
