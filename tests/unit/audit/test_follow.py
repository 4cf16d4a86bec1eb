"""Following a log: every record in its place and under its checkpoint, or an alarm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from audit_house import KEY, ORIGIN, PUBLIC, decision, forged, lines_of, open_log
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.follow import FolderSource, Follower, edge_from_proof
from exchange.audit.proofs.checkpoint import Checkpoint, sign_checkpoint
from exchange.audit.proofs.merkle import Frontier, inclusion_proof, leaf_hash, tree_of
from exchange.audit.proofs.note import verifier_key
from exchange.audit.records.entry import Entry
from exchange.errors import ConfigError, LogCorrupt, Unavailable


def signed(lines: Sequence[bytes], origin: str = ORIGIN) -> bytes:
    frontier = Frontier()
    frontier.extend(map(leaf_hash, lines))
    return sign_checkpoint(Checkpoint(origin=origin, size=len(lines), root=frontier.root()), KEY)


class Given:
    """A source that says what a test gives it."""

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = list(lines)
        self.note = signed(lines)
        self.pending = 0
        self.reads: list[tuple[int, int]] = []
        self.seen: list[int] = []

    def grow(self, lines: Sequence[bytes]) -> None:
        self.lines += lines
        self.note = signed(self.lines)

    def checkpoint(self) -> bytes:
        return self.note

    def edge(self, size: int) -> Sequence[bytes]:
        hashes = [leaf_hash(line) for line in self.lines[:size]]
        proof = inclusion_proof(size - 1, size, tree_of(hashes))
        frontier = Frontier()
        frontier.extend(hashes)
        return edge_from_proof(self.lines[size - 1], proof, size, frontier.root())

    def records(self, start: int, count: int) -> Iterator[tuple[int, Sequence[bytes]]]:
        self.reads.append((start, count))
        for place in range(start, min(start + count, len(self.lines))):
            yield place, [self.lines[place]]

    def saw(self, entry: Entry) -> None:
        self.seen.append(entry.index)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("log")
    with open_log(folder) as log:
        log.append_many([decision(number) for number in range(30)])
    return lines_of(folder)


def indices(follower: Follower) -> list[int]:
    return [entry.index for entry in follower.news()]


@pytest.mark.parametrize("size", range(1, 33))
def test_the_edge_of_a_tree_follows_from_the_proof_of_its_last_record(lines: list[bytes], size: int) -> None:
    follower = Follower(Given(lines[:size]), PUBLIC)
    assert follower.size == size


def test_records_come_as_they_are_signed(lines: list[bytes]) -> None:
    source = Given(lines[:5])
    follower = Follower(source, PUBLIC)
    assert indices(follower) == []
    source.grow(lines[5:9])
    assert indices(follower) == [5, 6, 7, 8]
    assert indices(follower) == []
    assert source.seen == [5, 6, 7, 8]


def test_a_log_can_be_followed_from_its_first_record(lines: list[bytes]) -> None:
    source = Given([])
    follower = Follower(source, PUBLIC)
    source.grow(lines[:3])
    assert indices(follower) == [0, 1, 2]


def test_nothing_is_read_while_only_the_reading_itself_is_new(lines: list[bytes]) -> None:
    source = Given(lines[:5])
    follower = Follower(source, PUBLIC)
    source.pending = 2
    source.grow(lines[5:7])
    assert indices(follower) == []
    assert source.reads == []
    source.grow(lines[7:8])
    assert indices(follower) == [5, 6, 7]


def test_an_edited_record_raises_the_alarm(lines: list[bytes]) -> None:
    source = Given(lines[:5])
    follower = Follower(source, PUBLIC)
    source.grow(lines[5:9])
    source.lines[7] = source.lines[7].replace(b'"allow"', b'"deny"')
    with pytest.raises(LogCorrupt, match="do not have the root"):
        indices(follower)


def test_records_that_are_not_consecutive_raise_the_alarm(lines: list[bytes]) -> None:
    source = Given(lines[:5])
    follower = Follower(source, PUBLIC)
    source.grow(lines[5:9])
    source.lines[6], source.lines[7] = source.lines[7], source.lines[6]
    with pytest.raises(LogCorrupt, match="the record in place 6 says that it is 7") as caught:
        indices(follower)
    assert caught.value.index == 6


def test_a_log_that_shrinks_or_withholds_raises_the_alarm(lines: list[bytes]) -> None:
    source = Given(lines[:5])
    follower = Follower(source, PUBLIC)
    source.note = signed(lines[:4])
    with pytest.raises(LogCorrupt, match="has shrunk"):
        indices(follower)
    source.note = signed(lines[:9])
    with pytest.raises(LogCorrupt, match="covers 9 records, and the log ends at 5"):
        indices(follower)


def test_a_log_that_was_rewritten_and_signed_anew_raises_the_alarm(lines: list[bytes]) -> None:
    source = Given(lines[:5])
    follower = Follower(source, PUBLIC)
    source.lines[2] = source.lines[3]
    source.grow(lines[5:6])
    with pytest.raises(LogCorrupt, match="do not have the root"):
        indices(follower)
    source.note = signed(source.lines[:5])
    with pytest.raises(LogCorrupt):
        indices(Follower(Given(lines[:5]), verifier_key(ORIGIN, Ed25519PrivateKey.generate())))


def test_another_logs_checkpoint_raises_the_alarm(lines: list[bytes]) -> None:
    source = Given(lines[:5])
    follower = Follower(source)
    source.note = signed(lines[:6], origin="other.example/audit")
    with pytest.raises(LogCorrupt, match="zhongshui"):
        indices(follower)


def test_after_an_interruption_it_goes_on_where_it_was(lines: list[bytes]) -> None:
    class Cut(Given):
        def records(self, start: int, count: int) -> Iterator[tuple[int, Sequence[bytes]]]:
            for place, chunk in super().records(start, count):
                if place == 7 and len(self.reads) == 1:
                    raise Unavailable("the broker went away")
                yield place, chunk

    source = Cut(lines[:5])
    follower = Follower(source, PUBLIC)
    source.grow(lines[5:10])
    shown = []
    with pytest.raises(Unavailable):
        shown += [entry.index for entry in follower.news()]
    assert follower.size == 7
    assert indices(follower) == [7, 8, 9]


def test_a_folder_is_followed_beside_its_writer(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append_many([decision(number) for number in range(10)])
        follower = Follower(FolderSource(tmp_path), PUBLIC)
        seen: list[int] = []
        for number in range(20):
            log.append(decision(100 + number))
            seen += indices(follower)
        end = log.size
    seen += indices(follower)
    assert seen == list(range(seen[0], end + 1))
    assert len(seen) >= 20


def test_a_folder_that_is_altered_raises_the_alarm(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    with open_log(folder) as log:
        log.append(decision(1))
    source = FolderSource(folder)
    follower = Follower(source, PUBLIC)
    with open_log(folder) as log:
        log.append(decision(2))

    def edit(batches: list[list[bytes]]) -> None:
        batches[-2][0] = batches[-2][0].replace(b'"allow"', b'"deny"')

    source._layout = type(source._layout)(forged(folder, edit, digests=True))
    source._place = None
    with pytest.raises(LogCorrupt, match="do not have the root"):
        indices(follower)


def test_where_there_is_no_log_nothing_is_followed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no audit log"):
        FolderSource(tmp_path)
