"""`exchange audit prove`: records of one access, with everything that proves them, in one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exchange.audit.proofs.trust import TrustPolicy
from exchange.cli.audit.options import Folder
from exchange.cli.audit.trusting import MaybeKey, Trust, trust_policy
from exchange.cli.console import because, say, tell
from exchange.cli.options import AsJson
from exchange.cli.progress import counting
from exchange.errors import ConfigError

if TYPE_CHECKING:
    from exchange.audit.evidence.form import Evidence
    from exchange.audit.evidence.places import Places

VERIFIER = "verify_evidence.py"
_INDEX_DIGITS_MAX = 16  # an access id has 32

app = typer.Typer()


@app.command()
def prove(
    which: Annotated[str, typer.Argument(metavar="INDEX|ID", help="A record's index, or an access id.")],
    folder: Folder,
    *,
    key: MaybeKey = "",
    trust: Trust = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The file; evidence-<which>.json by default.")
    ] = None,
    with_verifier: Annotated[
        bool,
        typer.Option("--with-verifier", help=f"Also write {VERIFIER} beside it, which needs Python only."),
    ] = False,
    tlog_proofs: Annotated[
        Path | None,
        typer.Option(
            "--tlog-proofs", metavar="FOLDER", help="Also each record alone, proven as C2SP tlog-proof."
        ),
    ] = None,
    index: Annotated[
        Path | None, typer.Option("--index", metavar="FOLDER", help="The search index; DIR/index by default.")
    ] = None,
    scan: Annotated[bool, typer.Option("--scan", help="Read the whole log in place of an index.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write evidence that anyone can verify without the exchange: records, proofs, signed checkpoint.

    With an access id all its records are taken. Beside them stand the publications of the policy revisions
    they name, and the certificates of those who signed. Exit code: 0 written, 1 the log is not what was
    signed or lacks the witnesses asked for, 2 there is no such record, or files or keys cannot be read.
    """
    from exchange.audit.evidence.build import prove as build  # noqa: PLC0415 - a command loads what it uses

    policy = trust_policy(key, trust)
    by_index = which.isascii() and which.isdigit() and len(which) <= _INDEX_DIGITS_MAX
    places = _places(folder, "" if by_index else which, index or folder / "index", scan=scan)
    asked = [int(which)] if by_index else places.access
    if not asked:
        raise ConfigError(f"no record of access {which}", hint="`exchange audit list DIR` shows the newest")
    evidence = build(folder, asked, policy, places)
    if not by_index:
        _check_access(evidence, which)
    target = out or Path(f"evidence-{which}.json")
    _write(target, evidence.encode())
    written = [target]
    if with_verifier:
        written.append(_write_verifier(target.parent))
    if tlog_proofs:
        written += _write_proofs(tlog_proofs, evidence)
    _tell(evidence, policy, written, as_json=as_json)
    if not by_index and not scan:
        tell(
            "note: an index that came with the log may hide records of an access; --scan reads the log itself"
        )


def _check_access(evidence: Evidence, access: str) -> None:
    """The index only says where to look: hold what it found against what was asked for."""
    for entry in evidence.entries:
        if entry.index in evidence.asked and f'"id":"{access}"' not in entry.record:
            raise ConfigError(
                f"the index names record {entry.index}, which is of another access",
                hint="delete the index, it is made anew; or use --scan",
            )


def _places(folder: Path, access: str, index: Path, *, scan: bool) -> Places:
    from exchange.audit.evidence.places import places_in_index, places_in_log  # noqa: PLC0415

    if scan:
        return places_in_log(folder, access)
    from exchange.audit.index.build import refresh  # noqa: PLC0415 - it loads duckdb

    with counting("records") as progress:
        refresh(folder, index, progress=progress)
    return places_in_index(index, access)


def _write_verifier(folder: Path) -> Path:
    from importlib.resources import files  # noqa: PLC0415

    target = folder / VERIFIER
    _write(target, files("exchange.audit.evidence").joinpath(VERIFIER).read_bytes())
    return target


def _write_proofs(folder: Path, evidence: Evidence) -> list[Path]:
    """For each record asked for `<index>.json`, the record to the byte, and `<index>.tlog-proof`."""
    from exchange.audit.proofs.tlogproof import SUFFIX, TlogProof  # noqa: PLC0415

    written = []
    for entry in evidence.entries:
        if entry.index in evidence.asked:
            proof = TlogProof(entry.index, tuple(entry.path()), evidence.checkpoint.encode())
            record, proven = folder / f"{entry.index}.json", folder / f"{entry.index}{SUFFIX}"
            _write(record, entry.record.encode())
            _write(proven, proof.encode())
            written += [record, proven]
    return written


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {because(error)}") from None


def _tell(evidence: Evidence, policy: TrustPolicy, written: list[Path], *, as_json: bool) -> None:
    checked = policy.check(evidence.checkpoint.encode())
    if as_json:
        facts = {
            "asked": list(evidence.asked),
            "records": len(evidence.entries),
            "size": checked.checkpoint.size,
            "cosigned_by": [found.name for found in checked.cosigned_by],
            "written": [str(path) for path in written],
        }
        print(json.dumps(facts))
        return
    others = len(evidence.entries) - len(evidence.asked)
    by = ", ".join(found.name for found in checked.cosigned_by) or "no witness"
    say(f"{len(evidence.asked)} records, and {others} that they refer to, are in {written[0]}")
    say(f"  checkpoint over {checked.checkpoint.size:,} records, cosigned by {by}")
    say(f"  next: exchange audit check-evidence {written[0]} --key KEY, on any machine")
