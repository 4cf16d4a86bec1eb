"""`exchange policy`: what a steward does with policy files before anybody else sees them."""

from __future__ import annotations

import typer

from exchange.cli import policy_check, policy_explain, policy_simulate, policy_who

app = typer.Typer(no_args_is_help=True, help="Check, explain and simulate policy files.")
app.command()(policy_check.check)
app.command()(policy_explain.explain)
app.command()(policy_who.who)
app.command()(policy_who.what)
app.command()(policy_simulate.simulate)
