"""Making evidence from a log's files: the records asked for, what they are judged by, and the proofs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from exchange.audit.evidence.form import ENTRIES_MAX, Evidence, entry_of
from exchange.audit.evidence.places import Places
from exchange.audit.index.lines import bodies, runs
from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.merkle import leaf_hash, verify_inclusion
from exchange.audit.proofs.note import NOTE_BYTES_MAX
from exchange.audit.proofs.tree import StoredTree
from exchange.audit.proofs.trust import TrustPolicy
from exchange.audit.records.deliveries import certificate_in
from exchange.audit.records.entry import parse_canonical
from exchange.audit.storage.layout import Layout, read_bounded
from exchange.errors import ConfigError, LogCorrupt

AUTHORITIES_MAX = 4


def prove(log: Path, asked: list[int], trust: TrustPolicy, places: Places) -> Evidence:
    """Evidence of these records.

    Args:
        log: the log's folder, or a copy of it; it may be written meanwhile.
        asked: indices of the records.
        trust: what the checkpoint must fulfil; the evidence is worth as much to whoever shares it.
        places: of the records that the asked ones refer to.

    Raises:
        ConfigError: a record is not here, is not covered by a checkpoint yet, or there are too many.
        LogCorrupt: what is here is not what was signed.
    """
    if not asked or len(asked) > ENTRIES_MAX // 2:
        raise ConfigError(f"evidence holds from 1 to {ENTRIES_MAX // 2:,} records")
    layout = Layout(log)
    try:
        lines = _Lines(layout)
        for index in asked:
            lines.take(index)
        for index in asked:
            lines.take_what_judges(index, places)
        note, checkpoint = _checkpoint(layout, trust, max(lines.taken))
    except OSError as error:
        raise ConfigError(f"the log cannot be read: {error}") from None
    with StoredTree(log) as tree:
        entries = tuple(
            entry_of(index, line, _path(tree, index, line, checkpoint))
            for index, line in sorted(lines.taken.items())
        )
    return Evidence(asked=tuple(sorted(set(asked))), checkpoint=note.decode(), entries=entries)


class _Lines:
    """The records that go into the evidence."""

    def __init__(self, layout: Layout) -> None:
        self.taken: dict[int, bytes] = {}
        self._runs = runs(layout)

    def take(self, index: int) -> dict[str, Any]:
        """Its fields; none if it is not a record in canonical form, which its proof may still prove."""
        line = self.taken.get(index) or self._line(index)
        if line is None:
            raise ConfigError(
                f"record {index} is not in the log's segments",
                hint="`exchange audit list DIR` shows the newest; an older one may be in the archive",
            )
        self.taken[index] = line
        try:
            return parse_canonical(line)
        except (ValueError, RecursionError):
            return {}

    def take_what_judges(self, index: int, places: Places) -> None:
        """The publications of the policy revisions the record names, and the signers' certificates."""
        fields = self.take(index)
        self._take_signer(fields, places)
        for name in ("revision", "previous") if fields.get("kind") == "revocation" else ("revision",):
            revision = fields.get(name)
            published = places.publications.get(revision) if type(revision) is int else None
            if published is not None and published not in self.taken:
                self._take_signer(self.take(published), places)

    def _take_signer(self, fields: dict[str, Any], places: Places) -> None:
        signer = places.signers.get(str(fields.get("certificate") or ""))
        if signer is None or signer in self.taken:
            return
        found = self.take(signer)
        # Up to the city's root, as far as the log holds it: whoever knows the root can follow.
        above = {_name(self._peek(index), "subject"): index for index in places.authorities}
        for _ in range(AUTHORITIES_MAX):
            issuer = above.get(_name(found, "issuer"))
            if issuer is None or issuer in self.taken:
                return
            found = self.take(issuer)

    def _line(self, index: int) -> bytes | None:
        for run in self._runs:
            if run.first <= index < run.end:
                body = next(bodies(run, index))
                return body.lines[index - body.first]
        return None

    def _peek(self, index: int) -> dict[str, Any]:
        try:
            return parse_canonical(self._line(index) or b"")
        except (ValueError, RecursionError):
            return {}


def _name(fields: dict[str, Any], whose: str) -> bytes:
    """The subject or issuer in a certificate record; a name of nobody where it cannot be read."""
    certificate = certificate_in(str(fields.get("der")))
    try:
        if certificate is not None:
            return (certificate.subject if whose == "subject" else certificate.issuer).public_bytes()
    except (ValueError, TypeError):  # names are parsed only when they are asked for
        pass
    return whose.encode()


def _checkpoint(layout: Layout, trust: TrustPolicy, last: int) -> tuple[bytes, Checkpoint]:
    """The best checkpoint over that record: the cosigned one where it reaches, else the latest."""
    refused: LogCorrupt | None = None
    short = -1
    for path in (layout.cosigned, layout.checkpoint):
        try:
            note = read_bounded(path, NOTE_BYTES_MAX)
        except FileNotFoundError:
            continue
        try:
            checkpoint = trust.check(note).checkpoint
        except LogCorrupt as error:
            refused = error
            continue
        if checkpoint.size > last:
            return note, checkpoint
        short = max(short, checkpoint.size)
    if short >= 0:
        raise ConfigError(
            f"record {last} is not covered by a checkpoint yet: the last that fulfils the trust policy "
            f"covers {short} records",
            hint="try again in a moment",
        )
    raise refused or LogCorrupt("there is no signed checkpoint: nothing proves what the log held")


def _path(tree: StoredTree, index: int, line: bytes, checkpoint: Checkpoint) -> list[bytes]:
    """The audit path; proven before it is handed out."""
    path, leaf = tree.inclusion(index, checkpoint.size), leaf_hash(line)
    if verify_inclusion(leaf, index, checkpoint.size, path, checkpoint.root):
        return path
    hint = "`exchange audit verify` names what was altered"
    if tree.leaf(index) != leaf:
        raise LogCorrupt(f"record {index} is not the one in the log's tree", index=index, hint=hint)
    raise LogCorrupt("the log's tree is not what was signed", hint=hint)
