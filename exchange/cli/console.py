"""What every command says to people, and the codes it ends with.

0    it worked
1    a refusal or a finding: access, a ticket, an identity or a policy file was refused, a log is altered
2    what was given is wrong: usage, configuration, keys, certificates, a request that cannot mean anything
3    something is down or busy; the same command may work later
4    a stream broke or did not agree with its signed end: nothing of it was kept
5    `get`: the data is whole, but an alarm stands against the audit log
10   `policy simulate`: the new policy widens what somebody may see, or that cannot be ruled out
70   a fault of ours
130  interrupted by Ctrl-C, or by a reader of the output that went away
"""

from __future__ import annotations

import os
import sys

from exchange import errors
from exchange.errors import ExchangeError

REFUSED, USAGE, UNAVAILABLE, BROKEN, INTERNAL, INTERRUPTED = 1, 2, 3, 4, 70, 130
ALARMED, WIDENED = 5, 10

_CODES: tuple[tuple[tuple[type[ExchangeError], ...], int], ...] = (
    ((errors.Unavailable,), UNAVAILABLE),
    ((errors.StreamBroken, errors.SourceFailed), BROKEN),
    ((errors.ConfigError, errors.PkiError, errors.RequestInvalid), USAGE),
    (
        (
            errors.AccessRefused,
            errors.TicketRefused,
            errors.IdentityError,
            errors.PolicyInvalid,
            errors.LogCorrupt,
            errors.RecordGone,
        ),
        REFUSED,
    ),
)


def exit_code(error: ExchangeError) -> int:
    """The code a command ends with after this error."""
    return next((code for kinds, code in _CODES if isinstance(error, kinds)), INTERNAL)


def complain(error: ExchangeError) -> None:
    """Say on stderr what is wrong, under which id the log knows it, and what to do next."""
    head, *rest = plain(f"exchange: {error}").split("\n")
    sys.stderr.write("\n".join([head, *rest]) + "\n")


def plain(text: str) -> str:
    """Text for a terminal: what could steer the terminal is shown as an escape (T61)."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)


def tell(text: str) -> None:
    """A line on stderr, for people; stdout is for results."""
    sys.stderr.write(plain(text) + "\n")


def say(text: str) -> None:
    """A line of the result on stdout."""
    sys.stdout.write(plain(text) + "\n")


def because(error: OSError) -> str:
    """The system's reason in its own few words, whichever library passed it on."""
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def size(count: int) -> str:
    """A number of bytes as people read it."""
    steps = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
    return next((f"{count / step:.1f} {unit}" for step, unit in steps if count >= step), f"{count} B")
