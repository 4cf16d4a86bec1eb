"""The outside tools that some tests need: where they are found and how they are installed.

Run: python tests/support/outside_tools.py install     installs all of them below .tools/
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

INSTALL_S = 900
ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
BUF = "@bufbuild/buf@1.75.0"
OPA = "github.com/open-policy-agent/opa@v1.21.3"
GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"


@dataclass(frozen=True)
class Tool:
    """One outside tool."""

    where: Callable[[], str | None]
    install: Callable[[], None]


def find(name: str) -> str | None:
    """The path of a tool, or None where it is not installed."""
    return _TOOLS[name].where()


def how(name: str) -> str:
    """The command that installs it."""
    return f".venv/bin/python tests/support/outside_tools.py install {name}"


def _in_tools(*below: str) -> Callable[[], str | None]:
    def where() -> str | None:
        path = TOOLS.joinpath(*below)
        return str(path) if path.exists() else shutil.which(path.name)

    return where


def _run(*command: str, **env: str) -> None:
    environment = os.environ | env
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL, timeout=INSTALL_S)


def _apt(command: str, package: str) -> None:
    """A missing package manager comes from the system's packages, where we may install them."""
    if shutil.which(command) is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise SystemExit(f"{command} is needed: install the system package {package} and run this again")
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", package, DEBIAN_FRONTEND="noninteractive")


def _install_buf() -> None:
    _apt("npm", "npm")
    TOOLS.mkdir(exist_ok=True)
    _run("npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(TOOLS), BUF)


def _install_grpcurl() -> None:
    _apt("go", "golang-go")
    (TOOLS / "bin").mkdir(parents=True, exist_ok=True)
    _run("go", "install", GRPCURL, GOBIN=str(TOOLS / "bin"))


def _install_opa() -> None:
    _apt("go", "golang-go")
    (TOOLS / "bin").mkdir(parents=True, exist_ok=True)
    _run("go", "install", OPA, GOBIN=str(TOOLS / "bin"))


def _install_tlogcheck() -> None:
    _apt("go", "golang-go")
    (TOOLS / "bin").mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name("tlogcheck")
    _run("go", "build", "-C", str(source), "-mod=readonly", "-o", str(TOOLS / "bin" / "tlogcheck"), ".")


def _install_strace() -> None:
    _apt("strace", "strace")


def _install_faketime() -> None:
    _apt("faketime", "faketime")


_TOOLS = {
    "buf": Tool(_in_tools("node_modules", ".bin", "buf"), _install_buf),
    "grpcurl": Tool(_in_tools("bin", "grpcurl"), _install_grpcurl),
    "opa": Tool(_in_tools("bin", "opa"), _install_opa),
    "faketime": Tool(_in_tools("bin", "faketime"), _install_faketime),
    "strace": Tool(_in_tools("bin", "strace"), _install_strace),
    "tlogcheck": Tool(_in_tools("bin", "tlogcheck"), _install_tlogcheck),
}


def main(arguments: list[str]) -> int:
    """Install the tools named, or all of them; those that are here already are left alone."""
    if arguments[:1] != ["install"]:
        print(__doc__, file=sys.stderr)
        return 2
    for name in arguments[1:] or sorted(_TOOLS):
        if find(name) is None:
            print(f"installing {name} ...", flush=True)
            _TOOLS[name].install()
        if find(name) is None:
            print(f"{name} could not be installed", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
