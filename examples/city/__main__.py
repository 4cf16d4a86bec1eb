"""`make demo`: found the city, tell its story, exit 0 only if every step came out as told."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from examples.city import acts, audit_office, auditing
from examples.city.stage import Stage, StoryError
from examples.city.town import Town, found

STORY = (
    ("the catalogue: what each may know of", acts.catalogue),
    ("emergency reads flights, for emergency-response", acts.emergency),
    ("research reads the same dataset, for transport-research", acts.research),
    ("who is refused", acts.refusals),
    ("a steward edits one line and publishes it", acts.publish),
    ("the audit log", auditing.log),
    ("an auditor fetches a copy and trusts nobody", auditing.copy),
    ("evidence for somebody who has no exchange", auditing.evidence),
    ("somebody edits the log", auditing.tampering),
    ("the other direction: who used the port's data", auditing.usage),
)
KEPT = Path(".demo")


def tell(town: Town, stage: Stage) -> None:
    """The story, from certificates to audit."""
    with stage.act("certificates: a root, one authority per department, one SPIFFE id for each actor"):
        listed = acts.run(town, "pki", "show", str(town.home("port") / "tls" / "identity.pem"))
        stage.say(listed.strip())
        named = "spiffe://port.zhongshui.example/connector" in listed
        stage.check("the port's connector has its SPIFFE id", holds=named)
    with stage.act("the broker and three connectors start, each with its own certificate"):
        town.start_all()
        stage.check("all serve", holds=len(town.processes) == len(town.ports))
    with ThreadPoolExecutor(1) as aside:
        office = aside.submit(audit_office.join, town)  # takes its time, and is needed last
        for title, act in STORY:
            with stage.act(title):
                act(town, stage)
        office.result()
    with stage.act("the log is a dataset, too"):
        auditing.dataset(town, stage)


def invite(town: Town, console: Console) -> None:
    """Commands to try, while the city runs."""
    folder, port = town.folder, town.ports["city"]
    tls = folder / "clients" / "dispatch"
    console.print(
        f"""
the city runs until you press ctrl-c; try, in another terminal:

  .venv/bin/exchange catalogue --config {town.client("dispatch")}
  .venv/bin/exchange get port.flights --purpose emergency-response --where "dep_delay > 300" \\
      --out flights.parquet --config {town.client("dispatch")}
  .venv/bin/exchange audit search {town.audit} --decision deny
  .venv/bin/exchange get audit.log --purpose audit --where "decision = 'deny'" \\
      --config {town.client("inspector")}
  .venv/bin/exchange audit verify {town.audit} --trust {town.trust}
  .venv/bin/exchange usage --config {town.client("ops")}
  .venv/bin/exchange get audit.log --purpose audit --config {town.client(audit_office.INSPECTOR)}
  .venv/bin/exchange policy publish {folder}/policies --config {town.client("chen")} -m why

  .venv/bin/python -c 'import exchange; print(exchange.connect("{town.client("lab")}").datasets())'

  grpcurl -cacert {tls}/roots.pem -cert {tls}/identity.pem -key {tls}/identity.key 127.0.0.1:{port} list
""",
        markup=False,
        soft_wrap=True,
    )


def main() -> int:
    """Tell it; the exit code says whether it held."""
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--keep", action="store_true", help="leave the city running (make demo KEEP=1)")
    keep = parser.parse_args().keep
    console, begin = Console(highlight=False, width=None if sys.stdout.isatty() else 120), time.perf_counter()
    if keep:
        shutil.rmtree(KEPT, ignore_errors=True)
        KEPT.mkdir()
    folder = KEPT.resolve() if keep else Path(tempfile.mkdtemp(prefix="exchange-city-"))
    town = found(folder)
    stage = Stage(console)
    try:
        tell(town, stage)
        console.print(
            f"\n[bold green]{stage.held} claims held[/], in {time.perf_counter() - begin:.1f} s; "
            "every number above was measured just now"
        )
        if keep:
            invite(town, console)
            _wait()
    except StoryError as error:
        console.print(f"\n[bold red]the story did not hold:[/] {error}\nlogs: {folder}")
        keep = True
        return 1
    finally:
        town.stop_all()
        if not keep:
            shutil.rmtree(folder)
    return 0


def _wait() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print("\nstopping the city")


if __name__ == "__main__":
    raise SystemExit(main())
