"""The index that a command asks: the one beside the log, or, to prove that nothing is left out, one's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.note import NOTE_BYTES_MAX
from exchange.audit.proofs.trust import TrustPolicy
from exchange.audit.storage.layout import Layout, read_bounded
from exchange.cli.console import because, tell
from exchange.errors import ConfigError


def checkpoint_note(folder: Path, policy: TrustPolicy | None) -> bytes:
    """The note to hold a log against: where witnesses are asked for, the latest that they cosigned.

    Raises:
        ConfigError: it cannot be read.
        LogCorrupt: it is larger than a note can be.
    """
    layout = Layout(folder)
    wants_witnesses = policy is not None and not policy.fulfilled_by(())
    path = layout.cosigned if wants_witnesses and layout.cosigned.exists() else layout.checkpoint
    try:
        return read_bounded(path, NOTE_BYTES_MAX)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {because(error)}", hint="name a log's folder, or a copy of it"
        ) from None


def signed_checkpoint(folder: Path, policy: TrustPolicy) -> Checkpoint:
    """The checkpoint up to which an answer is to be complete, its signatures verified.

    Raises:
        ConfigError: it cannot be read.
        LogCorrupt: the policy is not fulfilled.
    """
    return policy.check(checkpoint_note(folder, policy)).checkpoint


@contextmanager
def own_index(folder: Path, index: Path | None, *, proven: bool) -> Iterator[Path]:
    """Where the index is kept. One that came with the log proves nothing: then it is made anew."""
    if index is not None and (not proven or not index.resolve().is_relative_to(folder.resolve())):
        yield index
    elif proven:
        tell("making an index that nobody else could write; --index FOLDER keeps it for the next time")
        with tempfile.TemporaryDirectory(prefix="exchange-index-") as made:
            yield Path(made)
    else:
        yield folder / "index"


def gone(first: int) -> str:
    """What is to be said of a log whose first records are not here."""
    return (
        f"records 0 to {first - 1} are not in these files: `exchange audit verify` says whether retention "
        "removed them, an archive may hold them"
    )
