"""`exchange`: the nouns, each in its own module, loaded only when it is used."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from exchange.cli.console import INTERNAL, INTERRUPTED, complain, exit_code, tell
from exchange.cli.misuse import USAGE_ERROR, misused
from exchange.cli.streams import OutputLost, flushed, lend_streams
from exchange.errors import ExchangeError

_NOUNS = {
    "init": "write a working configuration for a new city",
    "catalogue": "what may I see",
    "get": "read a dataset into a file",
    "usage": "who used my department's data",
    "policy": "check, explain and publish policy files",
    "audit": "fetch, verify and read the audit log",
    "pki": "certificates: authority, departments, leaves",
    "broker": "run the broker",
    "connector": "run a department's connector",
}
"""In the order of the help: consumers first, then stewards and auditors, then operators."""

_ADDED = {
    "policy": (
        ("publish", "exchange.cli.publish"),
        ("bundle", "exchange.cli.policy_bundle"),
        ("verify-bundle", "exchange.cli.policy_verify"),
        ("rollback", "exchange.cli.policy_rollback"),
        ("history", "exchange.cli.policy_history"),
        ("test", "exchange.cli.policy_test"),
    ),
    "audit": (
        ("fetch", "exchange.cli.audit.fetch"),
        ("verify", "exchange.cli.audit.verify"),
        ("search", "exchange.cli.audit.search"),
        ("index", "exchange.cli.audit.index"),
        ("list", "exchange.cli.audit.listing"),
        ("show", "exchange.cli.audit.show"),
        ("archive", "exchange.cli.audit.archive"),
        ("restore", "exchange.cli.audit.restore"),
        ("retain", "exchange.cli.audit.retain"),
        ("watch", "exchange.cli.audit.watch"),
        ("report", "exchange.cli.audit.report"),
        ("reconcile", "exchange.cli.audit.reconcile"),
        ("export", "exchange.cli.audit.export"),
        ("prove", "exchange.cli.audit.prove"),
        ("check-evidence", "exchange.cli.audit.check_evidence"),
    ),
}
"""Commands in a module of their own, in the order of the help."""


class Nouns(TyperGroup):
    """The top level. It imports a noun's module when the noun is used, and turns errors into exit codes."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every noun, in the order of the help."""
        return [*super().list_commands(ctx), *_NOUNS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The noun's command, or None."""
        if cmd_name not in _NOUNS:
            return super().get_command(ctx, cmd_name)
        return _load(cmd_name)

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run the program; wrong usage is told in the same words and lines as everything else."""
        parent: Any = super()
        if not standalone_mode:
            return parent.main(*args, standalone_mode=False, **extra)
        try:
            code = parent.main(*args, standalone_mode=False, **extra)
        except USAGE_ERROR as error:
            sys.exit(misused(error))
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; every error of the exchange becomes a text and a code."""
        try:
            return super().invoke(ctx)
        except ExchangeError as error:
            complain(error)
            raise typer.Exit(exit_code(error)) from None
        except KeyboardInterrupt:
            tell("exchange: interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            raise OutputLost(INTERRUPTED) from None


def _load(noun: str) -> Any:
    module = importlib.import_module(f"exchange.cli.{noun}")
    command = _command(module.app)
    for name, place in _ADDED.get(noun, ()):
        added = _command(importlib.import_module(place).app)
        added.name = name
        command.add_command(added, name)
    command.name = noun
    command.short_help = _NOUNS[noun]
    return command


def _command(noun: typer.Typer) -> Any:
    command: Any = typer.main.get_command(noun)
    # Only the program as a whole could complete words in a shell; typer offers it on every noun.
    command.params = [option for option in command.params if option.name not in _COMPLETION]
    return command


_COMPLETION = {"install_completion", "show_completion"}

app = typer.Typer(cls=Nouns, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and rarely asked

        print(f"exchange {version('exchange')}")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 done · 1 refused, or something found · 2 usage or configuration · 3 unavailable · "
    "4 broken stream · 5 alarm of the audit log · 10 a policy widens · 70 a fault of ours · 130 interrupted"
)
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Departments of a city share data without giving it up."""


def run() -> None:
    """The program's entry point; ends the process with a code of `exchange.cli.console`."""
    # gRPC's own notes about connections are for its authors; ours say the same in words.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    lend_streams()
    command: Any = typer.main.get_command(app)
    try:
        with flushed():
            command()
    except KeyboardInterrupt:
        tell("exchange: interrupted")
        sys.exit(INTERRUPTED)
    except OutputLost as lost:
        sys.exit(lost.code)
    except Exception as error:
        logging.getLogger("exchange.cli").debug("unforeseen", exc_info=error)
        tell(f"exchange: something failed inside: {type(error).__name__}: {error}")
        tell("  hint: this is a fault of ours; tell us the command and this text")
        sys.exit(INTERNAL)
