"""Check the wire contract: lint, format, no break against the last release, generated code up to date.

Run: python protos/check.py       (needs buf; `make tools` installs it)
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from generate import ROOT, generate

BASELINE = ROOT / "baseline.binpb"


def buf() -> str:
    """The buf binary."""
    local = ROOT.parent / ".tools/node_modules/.bin/buf"
    found = str(local) if local.exists() else shutil.which("buf")
    if found is None:
        raise SystemExit("buf is not here; run: make tools")
    return found


def stale(fresh: Path, committed: Path) -> list[str]:
    """Generated files that differ from what is committed, either way."""
    names = {path.name for folder in (fresh, committed) for path in folder.glob("*_pb2*")}
    return sorted(filecmp.cmpfiles(fresh, committed, sorted(names), shallow=False)[1]) + sorted(
        name for name in names if not ((fresh / name).exists() and (committed / name).exists())
    )


def main() -> int:
    """Run every check; the first that fails says why."""
    for arguments in (
        ["lint"],
        ["format", "--diff", "--exit-code"],
        ["breaking", "--against", str(BASELINE)],
    ):
        done = subprocess.run([buf(), *arguments], cwd=ROOT, check=False)  # noqa: S603 - our own arguments
        if done.returncode:
            print(f"buf {arguments[0]} refuses the wire contract", file=sys.stderr)  # noqa: T201
            return done.returncode
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        differing = stale(Path(folder) / "exchange/v1", ROOT.parent / "exchange/v1")
    if differing:
        print(f"stale: {', '.join(differing)}; run: python protos/generate.py", file=sys.stderr)  # noqa: T201
    return 1 if differing else 0


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    raise SystemExit(main())
