"""The Audit Office joins the running city: its connector serves the exchange's own log as a dataset.

It runs on the broker's machine, beside the log, which it only reads. A second process of its own keeps the
index that is served, in its own folder: the broker does nothing for it.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from examples.city.town import TRUST_DOMAIN, Town
from exchange.audit.index.build import refresh
from exchange.model.subject import CITY, Kind, Subject, spiffe_id
from exchange.security.pki.authority_store import AuthorityStore
from exchange.security.pki.enrolment import enrol

OFFICE, INSPECTOR = "audit", "inspector"
LOG = "audit.log"
INSPECTOR_ID = spiffe_id(TRUST_DOMAIN, OFFICE, Kind.SYSTEM, INSPECTOR)
INDEXER = "audit index"
EVERY_S = "0.5"


def join(town: Town) -> None:
    """Enrol the office and let it serve `audit.log`; nothing happens if it does already.

    Raises:
        SystemExit: it did not come up; its log is shown.
    """
    if OFFICE in town.processes:
        return
    if OFFICE not in town.ports:
        _enrol(town)
    # What is there already is indexed now: a connector offers a dataset once it can be read.
    refresh(town.audit, _index(town))
    _follow(town)
    town.start(OFFICE)


def _enrol(town: Town) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        town.ports[OFFICE] = int(free.getsockname()[1])
    authority, now_us = AuthorityStore(town.folder / "authority"), time.time_ns() // 1000
    authority.add_department(OFFICE, now_us)
    connector, system = (
        Subject.parse(spiffe_id(TRUST_DOMAIN, OFFICE, kind, name), TRUST_DOMAIN)
        for kind, name in ((Kind.CONNECTOR, ""), (Kind.SYSTEM, INSPECTOR))
    )
    enrol(authority, connector, ["127.0.0.1"], town.home(OFFICE) / "tls", now_us)
    enrol(authority, system, [], town.folder / "clients" / INSPECTOR, now_us)
    town.config(OFFICE).write_text(_connector_toml(town), encoding="utf-8")
    town.client(INSPECTOR).write_text(_client_toml(town), encoding="utf-8")


def _follow(town: Town) -> None:
    program = str(Path(sys.executable).with_name("exchange"))
    with (town.home(OFFICE) / "index.log").open("ab") as output:
        town.processes[INDEXER] = subprocess.Popen(
            [program, "audit", "index", town.audit, "--index", _index(town), "--follow", "--every", EVERY_S],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def _index(town: Town) -> Path:
    return town.home(OFFICE) / "index"


def _log_key(town: Town) -> str:
    return (town.audit / "public.key").read_text(encoding="utf-8").strip()


def _connector_toml(town: Town) -> str:
    return f"""department = "{OFFICE}"
trust_domain = "{TRUST_DOMAIN}"
listen = "127.0.0.1:{town.ports[OFFICE]}"
broker = "127.0.0.1:{town.ports[CITY]}"
state = "state"

{_tls("tls")}listener_key = "tls/listener.key"
listener_chain = "tls/listener.pem"

[witness]
log_key = "{_log_key(town)}"

[source]
kind = "auditlog"
log = "../../broker/audit"
index = "index"

[[dataset]]
name = "log"
title = "审计局 · 审计日志 (the exchange's audit log)"
table = "records"
"""


def _client_toml(town: Town) -> str:
    return f"""trust_domain = "{TRUST_DOMAIN}"
broker = "127.0.0.1:{town.ports[CITY]}"
state = "{INSPECTOR}/state"
log_key = "{_log_key(town)}"

{_tls(INSPECTOR)}"""


def _tls(folder: str) -> str:
    return f"""[tls]
identity_key = "{folder}/identity.key"
identity_chain = "{folder}/identity.pem"
roots = "{folder}/roots.pem"
"""
