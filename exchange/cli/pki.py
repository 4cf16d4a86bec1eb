"""`exchange pki`: the built-in certificate authority, from the root to a process's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from exchange.cli.console import say
from exchange.cli.options import AsJson
from exchange.errors import IdentityError, PkiError
from exchange.model.clock import SystemClock
from exchange.model.subject import Kind, Subject, spiffe_id
from exchange.security import files
from exchange.security.pki import enrolment
from exchange.security.pki.authority import LEAF_HOURS, LEAF_HOURS_MAX
from exchange.security.pki.authority_store import AuthorityStore
from exchange.security.pki.description import describe
from exchange.security.pki.pem import parse_certificates

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Certificates: a root, one authority per department, short-lived leaves.",
)

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The authority's folder.")]


@app.callback()
def _group() -> None:
    """Certificates: a root, one authority per department, short-lived leaves.

    The root key is needed for `init` and `department` only. Once the departments stand, move
    `root/root.key` in DIR to a safe place offline.
    """


@app.command("init")
def init(
    folder: Directory,
    trust_domain: Annotated[
        str, typer.Option("--trust-domain", help="The city's name, like zhongshui.example.")
    ],
    as_json: AsJson = False,
) -> None:
    """Create an authority: the root, and the city's own part for its broker, auditors and stewards."""
    AuthorityStore.create(folder, trust_domain, SystemClock().now_us())
    if as_json:
        _print({"trust_domain": trust_domain, "folder": str(folder)})
        return
    say(f"created the authority of {trust_domain} in {folder}")
    say(f"  next: exchange pki department {folder} NAME")
    say(f"  once the departments stand, move {folder / 'root' / 'root.key'} to a safe place offline")


@app.command("department")
def department(
    folder: Directory,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The department.")],
    renew: Annotated[
        bool, typer.Option("--renew", help="Give an existing department a new authority.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create a department's authority; needs the root key."""
    certificate = AuthorityStore(folder).add_department(name, SystemClock().now_us(), renew=renew)
    if as_json:
        _print({"department": name, "not_after": f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"})
        return
    say(f"department {name} has an authority until {certificate.not_valid_after_utc:%Y-%m-%d}")


@app.command("issue")
def issue(
    folder: Directory,
    kind: Annotated[
        Kind, typer.Argument(metavar="KIND", help="Broker, connector, system, steward or auditor.")
    ],
    department: Annotated[
        str,
        typer.Option("--department", help="Where it belongs; city for broker, auditor and city stewards."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the keys and certificates.")],
    name: Annotated[
        str, typer.Option("--name", help="Which one; a broker and a connector have no name.")
    ] = "",
    host: Annotated[
        list[str] | None, typer.Option("--host", help="Address a stock client dials; repeat it.")
    ] = None,
    hours: Annotated[
        float, typer.Option("--hours", min=0.01, max=LEAF_HOURS_MAX, help="Lifetime.")
    ] = LEAF_HOURS,
    as_json: AsJson = False,
) -> None:
    """Issue keys and certificates for one actor into a folder."""
    store = AuthorityStore(folder)
    subject = _subject(store.trust_domain, department, kind, name)
    written = enrolment.enrol(store, subject, host or [], out, SystemClock().now_us(), hours=hours)
    if as_json:
        _print({"subject": subject.id, "files": [str(path) for path in written]})
        return
    say(f"issued {subject.id}")
    for path in written:
        say(f"  {path}")


@app.command("renew")
def renew(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The process's folder.")],
    authority: Annotated[Path, typer.Option("--authority", help="The authority's folder.")],
    force: Annotated[
        bool, typer.Option("--force", help="Even if more than a third of the lifetime remains.")
    ] = False,
    hours: Annotated[
        float, typer.Option("--hours", min=0.01, max=LEAF_HOURS_MAX, help="Lifetime.")
    ] = LEAF_HOURS,
    as_json: AsJson = False,
) -> None:
    """Renew a folder's keys and certificates, with the same names; servers take them up while they run."""
    now_us = SystemClock().now_us()
    due = force or enrolment.renewal_due(folder, now_us)
    renewed = enrolment.renew(AuthorityStore(authority), folder, now_us, hours=hours) if due else []
    if as_json:
        _print({"renewed": [str(path) for path in renewed]})
        return
    if not due:
        say(f"{folder} is not due: more than a third of its lifetime remains (--force renews it now)")
    for path in renewed:
        say(f"renewed {path}")


@app.command("show")
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A PEM file of certificates.")],
    as_json: AsJson = False,
) -> None:
    """Show the certificates in a file."""
    rows = [describe(each) for each in parse_certificates(files.read_public(file), file)]
    if as_json:
        _print([row.model_dump() for row in rows])
        return
    for row in rows:
        say(f"{row.role}: {row.subject}")
        say(f"  names   {', '.join(row.names) or 'none'}")
        say(f"  issuer  {row.issuer}")
        say(f"  valid   {row.not_before} to {row.not_after}")
        say(f"  serial  {row.serial}")
        if row.permitted:
            say(f"  may name only  {', '.join(row.permitted)}")


@app.command("list")
def listing(folder: Directory, as_json: AsJson = False) -> None:
    """List every certificate the authority issued to an actor."""
    rows = AuthorityStore(folder).issued()
    if as_json:
        _print([row.model_dump() for row in rows])
        return
    for row in rows:
        say(f"{row.not_after}  {row.profile:<8}  {row.subject}  {row.serial}")


def _print(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False))


def _subject(trust_domain: str, department: str, kind: Kind, name: str) -> Subject:
    try:
        return Subject.parse(spiffe_id(trust_domain, department, kind, name), trust_domain)
    except IdentityError as error:
        raise PkiError(
            f"no certificate for {kind} {name!r} of {department!r}: {error.public}",
            hint="systems, stewards and auditors have a --name; brokers and auditors belong to the city",
        ) from None
