"""`exchange policy simulate`: who gains and who loses by a change of policy."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from exchange.audit.storage.tail import entries
from exchange.cli.console import WIDENED, say
from exchange.cli.options import AsJson
from exchange.cli.policy_options import At, SchemasFile, SomeConfig, known, moment
from exchange.cli.policy_sources import pair
from exchange.policy.questions.assumed import Schemas
from exchange.policy.questions.grouping import Statement, statements
from exchange.policy.questions.matrix import Asker
from exchange.policy.questions.recorded import Recorded, recorded
from exchange.policy.questions.simulate import over_matrix, over_recorded


def simulate(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The policy as it was: folder or revision.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The policy as it would be.")],
    audit: Annotated[
        Path | None, typer.Option("--audit", metavar="DIR", help="A copy of the log: its requests, too.")
    ] = None,
    at: At = "",
    schemas: SchemasFile = None,
    config: SomeConfig = None,
    as_json: AsJson = False,
) -> None:
    """Say who gains and who loses: over all subjects, datasets, purposes and states, and on real requests.

    Exit code: 0 nothing widens, 10 somebody may see more, or it cannot be ruled out.
    """
    now = moment(at)
    cities = pair(old, new, config)
    # the data is one and the same under both: what the new folder says of its columns goes for the old, too
    registered = known(None, *cities[0]) | known(schemas, *cities[1])
    before, after = (Asker(bundle, Schemas(bundle, registered), now) for _, bundle in cities)
    said = statements(over_matrix(before, after))
    requests: Counter[Recorded] = Counter()
    if audit is not None:
        requests = recorded((entry.fields for entry in entries(audit)), before.bundle.words.trust_domain)
    met = statements(over_recorded(before, after, requests))
    if as_json:
        print(json.dumps(_json(said, met, requests.total(), audit), ensure_ascii=False))
    else:
        _summary(said, met, requests, audit)
        _details("over the whole matrix", said)
        _details("on recorded requests", met)
    # what was really asked is part of the matrix, but for columns asked by name: either is enough
    raise typer.Exit(WIDENED if any(one.wider for one in (*said, *met)) else 0)


def _json(said: list[Statement], met: list[Statement], total: int, audit: Path | None) -> dict[str, Any]:
    return {
        "widened": any(one.wider for one in (*said, *met)),
        "matrix": [one.to_json() for one in said],
        "requests": {
            "recorded": total if audit is not None else None,
            "changed": [one.to_json() for one in met],
        },
    }


def _summary(
    said: list[Statement], met: list[Statement], requests: Counter[Recorded], audit: Path | None
) -> None:
    gain = sorted({name for one in said if one.wider for name in one.subjects})
    lose = sorted({name for one in said if one.narrower for name in one.subjects})
    if not said:
        say("nothing changes: nobody gains, nobody loses")
    else:
        say(f"gain: {', '.join(gain) or 'nobody'}")
        say(f"lose: {', '.join(lose) or 'nobody'}")
    if audit is not None:
        touched = sum(one.requests for one in met)
        say(f"recorded requests: {requests.total():,}, {len(requests):,} of them different")
        say(f"answered otherwise: {touched:,}")


def _details(title: str, said: list[Statement]) -> None:
    if said:
        say(f"\n{title}")
    for one in said:
        say(f"  {', '.join(one.subjects)} · {', '.join(one.datasets)} · {one.purpose}")
        say(f"    while the state is {' or '.join(one.states)}{_times(one)}")
        for change in one.changes:
            what = f"{change.part} {change.column}".strip()
            say(f"    {_SIGNS[change.way]} {what}: {change.before} -> {change.after}")
        for line in one.sees:
            say(f"        {line}")


def _times(one: Statement) -> str:
    return f" · {one.requests:,} requests" if one.requests else ""


_SIGNS = {"wider": "+", "narrower": "-", "changed": "?"}
