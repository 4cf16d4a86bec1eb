"""`exchange policy test`: are decisions what their stewards say they must be?"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from exchange import config
from exchange.cli.console import REFUSED, say, tell
from exchange.cli.options import AsJson
from exchange.errors import ConfigError, PolicyInvalid
from exchange.policy.bundle import Bundle, load
from exchange.policy.engines.choice import open_engine
from exchange.policy.engines.settings import RegoSettings
from exchange.policy.engines.stewards import STEWARDS
from exchange.policy.files.tree import PolicyTree, read_tree
from exchange.policy.suite import coverage as covering
from exchange.policy.suite import report
from exchange.policy.suite.junit import junit as as_junit
from exchange.policy.suite.loader import load_suite
from exchange.policy.suite.model import Suite
from exchange.policy.suite.runner import Result, run
from exchange.policy.suite.where import places

app = typer.Typer()
_REVISION = 1


class _OpaFile(config.Settings):
    """A broker's configuration, as far as it says where conditions run."""

    model_config = config.Settings.model_config | {"extra": "ignore"}
    rego: RegoSettings = RegoSettings()


@app.command("test")
def cases(
    folder: Annotated[Path, typer.Argument(help="The folder that holds city.toml.")],
    only: Annotated[str, typer.Option(help="Run cases whose name or file holds this text.")] = "",
    opa: Annotated[str, typer.Option(metavar="URL", help="Run them on this OPA server, too.")] = "",
    broker: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Run them on the engine of this broker.toml, too.")
    ] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="List what no case touches.")] = False,
    require_coverage: Annotated[
        float, typer.Option(min=0, max=100, metavar="N", help="Fail below so many percent.")
    ] = 0.0,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML for a CI.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the cases that stand beside the policies; exit code 1 if one fails."""
    files = read_tree(folder)
    with ExitStack() as undo:
        bundles = _bundles(files, opa, broker, undo)
        bundle = bundles[STEWARDS.name]
        whole = load_suite(files, bundle)
        suite = _chosen(whole, only)
        results = run(suite, bundles)
        bundles.clear()  # what lies on a server goes before its connection does
    # What is touched is the same on every engine; the first one's results suffice.
    measured = None
    if coverage or require_coverage:
        measured = covering.measure(files, bundle, suite, results[: len(suite.cases)])
    if junit is not None:
        _write(junit, as_junit(results, places(files, bundle)))
    if as_json:
        say(json.dumps(report.as_json(results, measured), ensure_ascii=False))
    else:
        _tell(results, measured, files, bundle, listed=coverage)
    low = measured is not None and measured.percent < require_coverage
    if low and measured is not None:
        tell(f"coverage {measured.percent:.1f} % is below {require_coverage:g} %; --coverage says of what")
    if low or not all(result.passed for result in results):
        raise typer.Exit(REFUSED)


def _bundles(files: PolicyTree, opa: str, broker: Path | None, undo: ExitStack) -> dict[str, Bundle]:
    """The policy on regorus, and on whatever else was named."""
    bundles = {STEWARDS.name: load(files, _REVISION, engine=STEWARDS)}
    chosen = []
    if broker is not None:
        chosen.append(config.load(broker, _OpaFile).rego)
    if opa:
        try:
            chosen.append(RegoSettings(engine="opa", url=opa, timeout_ms=5000))
        except ValueError as error:
            message = str(error).split("Value error, ")[-1].split(" [")[0]
            raise ConfigError(f"--opa {opa}: {message}", hint="for example http://127.0.0.1:8181") from None
    for settings in chosen:
        engine = open_engine(settings)
        undo.callback(engine.close)
        bundles.setdefault(engine.name, load(files, _REVISION, engine=engine))
    return bundles


def _chosen(suite: Suite, only: str) -> Suite:
    cases = tuple(case for case in suite.cases if only in case.name or only in case.place.file)
    if not cases:
        raise PolicyInvalid(
            f"no case holds {only!r}" if only else "no case stands beside the policies",
            hint="write one into departments/<department>/cases/; docs/flows/steward.md shows how",
        )
    return Suite(cases, suite.schemas)


def _tell(
    results: tuple[Result, ...],
    measured: covering.Coverage | None,
    files: PolicyTree,
    bundle: Bundle,
    *,
    listed: bool,
) -> None:
    for line in report.failures(results, places(files, bundle)):
        say(line)
    if measured is not None and listed:
        for line in report.uncovered(measured):
            say(line)
    say(report.summary(results))


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
