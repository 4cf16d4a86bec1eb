"""Revisions at rest: each content once, found again, and never taken for policy once it was altered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange.broker.state.revisions import Revision, Revisions
from exchange.broker.state.store import Store
from exchange.errors import ConfigError

TREE = {
    "city.toml": "城市".encode(),
    "departments/port/grants.csv": b"p\n",
    "departments/port/README.md": b"p\n",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "broker.sqlite")
    yield found
    found.close()


@pytest.fixture
def revisions(store: Store) -> Revisions:
    return Revisions(store)


def put(revisions: Revisions, number: int, tree: dict[str, bytes]) -> None:
    revisions.prepare(Revision(number, f"digest {number}", tree))
    revisions.acknowledge(number, number)


def contents(store: Store) -> set[bytes]:
    query = "SELECT bytes FROM content"
    return {row[0] for row in store.read(lambda connection: connection.execute(query).fetchall())}


def test_a_revision_is_found_as_it_was_stored(revisions: Revisions) -> None:
    put(revisions, 1, TREE)
    put(revisions, 2, TREE | {"city.toml": b"other"})
    assert revisions.latest() == Revision(2, "digest 2", TREE | {"city.toml": b"other"})
    assert revisions.get(1) == Revision(1, "digest 1", TREE)
    assert [revisions.get(number) for number in (0, 3, 2**63)] == [None] * 3


def test_only_the_files_that_are_wanted_are_read(revisions: Revisions) -> None:
    put(revisions, 1, TREE)
    found = revisions.get(1, lambda path: path.endswith(".csv"))
    assert found is not None
    assert found.tree == {"departments/port/grants.csv": b"p\n"}


def test_equal_contents_are_stored_once_whatever_their_path_or_revision(
    revisions: Revisions, store: Store
) -> None:
    put(revisions, 1, TREE)
    put(revisions, 2, TREE | {"city.toml": b"other"})
    assert contents(store) == {TREE["city.toml"], b"p\n", b"other"}
    query = "SELECT count(*) FROM content"
    assert store.read(lambda connection: connection.execute(query).fetchone()) == (3,)


def test_what_never_took_effect_leaves_nothing_behind(revisions: Revisions, store: Store) -> None:
    put(revisions, 1, TREE)
    revisions.prepare(Revision(2, "lost", TREE | {"city.toml": b"lost"}))
    assert revisions.get(2) is None
    put(revisions, 2, TREE | {"city.toml": b"came"})
    assert contents(store) == {TREE["city.toml"], b"p\n", b"came"}
    assert revisions.latest() == Revision(2, "digest 2", TREE | {"city.toml": b"came"})


def test_a_content_that_was_altered_on_the_disk_is_refused(revisions: Revisions, store: Store) -> None:
    put(revisions, 1, TREE)
    store.write(
        lambda connection: connection.execute("UPDATE content SET bytes = x'00' WHERE bytes = ?", (b"p\n",))
    )
    for ask in (revisions.latest, lambda: revisions.get(1)):
        with pytest.raises(ConfigError, match="altered policy file"):
            ask()
