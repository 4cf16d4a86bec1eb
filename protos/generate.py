"""Generate the Python code of the wire contract into `exchange/v1`; CI runs this and diffs.

Run: python protos/generate.py [OUTPUT]    (default: the repository root)
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent


def generate(output: Path) -> int:
    """Write messages, services and their stubs below `output`; returns protoc's exit code."""
    sources = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.proto"))
    return int(
        protoc.main(
            [
                "protoc",
                f"-I{ROOT}",
                f"-I{files('grpc_tools') / '_proto'}",
                f"--python_out={output}",
                f"--grpc_python_out={output}",
                f"--mypy_out={output}",
                f"--mypy_grpc_out={output}",
                *sources,
            ]
        )
    )


if __name__ == "__main__":
    raise SystemExit(generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent))
