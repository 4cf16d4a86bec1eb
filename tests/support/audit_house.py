"""An audit log for tests: a fixed key, a clock a test moves, a disk a test lets fail, a forger's tools."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.log import AuditLog, LogLimits
from exchange.audit.proofs.merkle import Frontier, leaf_hash
from exchange.audit.proofs.note import verifier_key
from exchange.audit.records.kinds import DecisionRecord
from exchange.audit.storage.disk import Disk, SystemDisk
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.segment import encode_batch, encode_commit, scan
from exchange.audit.verdict import Verdict
from exchange.audit.verify import verify

ORIGIN = "zhongshui.example/audit"
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
PUBLIC = verifier_key(ORIGIN, KEY)
NOON_US = 1_795_348_800_000_000  # 2026-11-22T12:00:00Z


class MovedClock:
    """Stands still until a test moves it."""

    def __init__(self, wall_us: int = NOON_US) -> None:
        self.wall_us, self.steady_s = wall_us, 0.0

    def now_us(self) -> int:
        return self.wall_us

    def monotonic_s(self) -> float:
        return self.steady_s


class FaultyDisk(SystemDisk):
    """The machine's disk, until a test sets one of the faults."""

    def __init__(self) -> None:
        self.write_fault: Callable[[bytes], int | None] | None = None
        self.sync_fault: Callable[[], None] | None = None
        self.replace_fault: Callable[[], None] | None = None
        self.writes: list[bytes] = []
        self.acts: list[str] = []

    def write(self, descriptor: int, data: bytes) -> int:
        """A fault may raise, or say that only so many bytes fit."""
        self.acts.append("write")
        self.writes.append(data)
        fits = self.write_fault(data) if self.write_fault else None
        return super().write(descriptor, data if fits is None else data[:fits])

    def sync(self, descriptor: int) -> None:
        self.acts.append("sync")
        if self.sync_fault:
            self.sync_fault()
        super().sync(descriptor)

    def replace(self, path: Path, data: bytes) -> None:
        if self.replace_fault:
            self.replace_fault()
        super().replace(path, data)


def open_log(
    folder: Path,
    *,
    clock: MovedClock | None = None,
    disk: Disk | None = None,
    key: Ed25519PrivateKey = KEY,
    limits: LogLimits | None = None,
    held: bool = False,
) -> AuditLog:
    """The log in the folder; signs after each batch unless told otherwise."""
    return AuditLog.open(
        folder,
        origin=ORIGIN,
        key=key,
        clock=clock or MovedClock(),
        disk=disk,
        identity="spiffe://city.zhongshui.example/broker",
        version="0.1.0",
        limits=limits or LogLimits(checkpoint_every_s=0.0),
        held=held,
    )


NEVER_SIGN = LogLimits(checkpoint_every_s=3600.0)
"""Signs the opening and the closing only: records in between stand beyond the checkpoint."""


def decision(number: int = 0, **changes: object) -> DecisionRecord:
    """A decision; records of different numbers differ."""
    fields: dict[str, object] = {
        "id": f"{number:032x}",
        "trace": "a" * 32,
        "subject": "spiffe://emergency.zhongshui.example/system/dispatch",
        "department": "emergency",
        "dataset": "port.flights",
        "purpose": "emergency-response",
        "action": "read",
        "decision": "allow",
        "reason": "granted",
        "public_reason": "granted",
        "revision": 3,
    }
    return DecisionRecord.model_validate(fields | changes)


def filled(folder: Path, batches: int = 4, each: int = 3) -> list[bytes]:
    """A closed log: "opened", then `batches` batches of `each` decisions, then "closed"; its lines."""
    with open_log(folder) as log:
        for batch in range(batches):
            log.append_many([decision(batch * each + number) for number in range(each)])
    return lines_of(folder)


def lines_of(folder: Path) -> list[bytes]:
    """Every record in the folder's segments."""
    return [line for path in Layout(folder).segments() for batch in scan(path) for line in batch.records]


def batches_of(folder: Path) -> list[list[bytes]]:
    """Every record, batch by batch."""
    return [batch.records for path in Layout(folder).segments() for batch in scan(path)]


def forged(
    folder: Path,
    change: Callable[[list[list[bytes]]], None],
    *,
    digests: bool = False,
    leaves: bool = False,
    commits: bool = False,
) -> Path:
    """A copy in which a forger changed the batches' lines.

    Args:
        folder: the genuine log.
        change: what the forger does to the lines, in place.
        digests: whether the forger also mends the batch headers.
        leaves: whether the forger also mends `tree/0`.
        commits: whether the forger also mends the commit lines.
    """
    copy = folder.with_name(folder.name + "-forged")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    (segment,) = Layout(copy).segments()
    genuine = list(scan(segment))
    lines = batches_of(folder)
    change(lines)
    frontier, text, all_hashes = Frontier(), b"", b""
    for number, records in enumerate(lines):
        first, hashes = frontier.size, [leaf_hash(line) for line in records]
        frontier.extend(hashes)
        all_hashes += b"".join(hashes)
        whole = encode_batch(first, records)
        header, body = whole.split(b"\n", 1)
        old = segment.read_bytes()[genuine[number].offset :].split(b"\n", 1)[0]
        commit = genuine[number].commit
        assert commit is not None
        text += (header if digests else old) + b"\n" + body
        text += encode_commit(frontier.size, frontier.root()) if commits else encode_commit(*commit)
    segment.write_bytes(text)
    if leaves:
        Layout(copy).leaves.write_bytes(all_hashes)
    return copy


def judged(folder: Path, **options: bytes) -> Verdict:
    """The verdict on a folder under the fixed key."""
    return verify(folder, PUBLIC, **options)
