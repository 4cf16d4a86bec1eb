"""Where the program begins: small, so that Ctrl-C while the rest is imported ends it in words, too."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""As in `exchange.cli.console`, which takes a tenth of a second to import."""


def run() -> None:
    """Import the program and run it; ends the process with a code of `exchange.cli.console`."""
    try:
        from exchange.cli.main import run as program  # noqa: PLC0415 - the import is what may be interrupted

        program()
    except KeyboardInterrupt:
        sys.stderr.write("exchange: interrupted\n")
        sys.exit(INTERRUPTED)
