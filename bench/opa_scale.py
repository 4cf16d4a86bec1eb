"""The same grants on an OPA server: rules as data under dataset and subject, one decision per request."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import outside_tools

_POLICY = """\
package scale

default allow := false

terms contains input.subject
terms contains input.department
terms contains role if some role in data.roles[input.department]

effects contains effect if {
	some term in terms
	effect := data.grants[input.dataset][term][input.purpose]
}

allow if {
	"allow" in effects
	not "deny" in effects
}
"""


def find() -> str | None:
    """The OPA server's program."""
    return outside_tools.find("opa")


def engine(folder: Path) -> tuple[Callable[[tuple[str, ...]], bool], Mapping[str, float]]:
    """A server with the folder's rules, and what loading it cost."""
    begun = time.perf_counter()
    data, policy = folder.parent / f"{folder.name}.json", folder.parent / "scale.rego"
    data.write_text(json.dumps(_data(folder)))
    policy.write_text(_POLICY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [find() or "opa", "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error"]
    server = subprocess.Popen([*command, str(data), str(policy)], stderr=subprocess.DEVNULL)
    line = _connect(port)
    cost = {"load": time.perf_counter() - begun, "mb": _megabytes(server.pid)}

    return _Asker(server, line), cost


class _Asker:
    """Asks over one connection that is kept; the server ends with it."""

    def __init__(self, server: subprocess.Popen[bytes], line: http.client.HTTPConnection) -> None:
        self._server, self._line = server, line

    def __call__(self, question: tuple[str, ...]) -> bool:
        subject, department, dataset, purpose = question
        asked = {"subject": subject, "department": department, "dataset": dataset, "purpose": purpose}
        self._line.request("POST", "/v1/data/scale/allow", json.dumps({"input": asked}))
        return json.loads(self._line.getresponse().read())["result"] is True

    def __del__(self) -> None:
        self._server.kill()
        self._server.wait()


def _data(folder: Path) -> dict[str, Any]:
    grants: dict[str, dict[str, dict[str, str]]] = {}
    for path in folder.glob("departments/*/grants.csv"):
        for line in path.read_text().splitlines():
            _, subject, dataset, _, purpose, effect = (field.strip() for field in line.split(","))
            grants.setdefault(dataset, {}).setdefault(subject, {})[purpose] = effect
    roles: dict[str, list[str]] = {}
    for line in (folder / "baseline/roles.csv").read_text().splitlines():
        _, department, role = (field.strip() for field in line.split(","))
        roles.setdefault(department, []).append(role)
    return {"grants": grants, "roles": roles}


def _connect(port: int) -> http.client.HTTPConnection:
    deadline = time.monotonic() + 120
    while True:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            line.request("GET", "/health")
            line.getresponse().read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return line


def _megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
