"""The small parts of a connector, each on its own."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from connector_house import MemorySource, settings_for

from exchange.config import load
from exchange.connector.datasets import Datasets
from exchange.connector.plugins import open_source
from exchange.connector.pseudonyms import pseudonym_key
from exchange.connector.settings import ConnectorSettings
from exchange.connector.streaming.limits import Slots
from exchange.connector.streaming.prefetch import Prefetch
from exchange.connector.uplink.skew import Skew
from exchange.connector.uplink.worker import BACKOFF_S_MAX, Worker
from exchange.errors import ConfigError, LimitReached, SourceFailed, Unavailable
from exchange.model.subject import Subject
from exchange.security.credentials import TlsSettings

TLS = TlsSettings(identity_key=Path("k"), identity_chain=Path("c"), roots=Path("r"))

TOML = """
department = "port"
trust_domain = "zhongshui.example"
listen = "127.0.0.1:7401"
broker = "127.0.0.1:7400"
state = "state"
[tls]
identity_key = "pki/identity.key"
identity_chain = "pki/identity.pem"
roots = "pki/roots.pem"
[source]
kind = "files"
folder = "data"
[[dataset]]
name = "flights"
title = "Flights"
table = "flights.parquet"
"""


def nothing() -> None:
    return None


DOMAIN = "zhongshui.example"
SUBJECTS = {name: Subject.parse(f"spiffe://{name}.{DOMAIN}/system/desk", DOMAIN) for name in "abc"}


def test_settings_keep_the_sources_options_and_the_folder_they_start_from(tmp_path: Path) -> None:
    path = tmp_path / "connector.toml"
    path.write_text(TOML)
    settings = load(path, ConnectorSettings)

    assert settings.source.options == {"folder": "data"}
    assert settings.base == tmp_path.resolve()
    assert settings.state == tmp_path.resolve() / "state"
    assert settings.limits.streams_max == 32


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "flights"', 'nane = "flights"', "nane"),
        ('department = "port"', 'department = "Port!"', "department"),
        ('listen = "127.0.0.1:7401"', 'listen = "grpc://127.0.0.1:7401"', "listen"),
        ("[[dataset]]", "[limits]\nstreams_max = 0\n[[dataset]]", "streams_max"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "connector.toml"
    path.write_text(TOML.replace(old, new))

    with pytest.raises(ConfigError, match=said):
        load(path, ConnectorSettings)


def test_an_unknown_kind_of_source_names_the_kinds_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        open_source(settings_for(tmp_path, TLS))
    assert "'memory'" in refused.value.public
    assert "sqlite" in refused.value.hint


@pytest.mark.parametrize(
    ("names", "said"),
    [(("a", "a"), "look alike"), (("Flug", "flug"), "look alike"), (("flights/../x",), "cannot be part")],
)
def test_datasets_that_could_be_confused_are_refused(
    tmp_path: Path, names: tuple[str, ...], said: str
) -> None:
    settings = settings_for(tmp_path, TLS)
    items = tuple(settings.dataset[0].model_copy(update={"name": name}) for name in names)

    with pytest.raises(ConfigError, match=said):
        Datasets(settings.model_copy(update={"dataset": items}), MemorySource())


def test_look_alike_columns_are_refused_at_start_and_fail_closed_later(tmp_path: Path) -> None:
    source = MemorySource()
    datasets = Datasets(settings_for(tmp_path, TLS), source)
    source.table_schema = pa.schema([("Name", pa.string()), ("ｎａｍｅ", pa.string())])

    with pytest.raises(ConfigError, match="look alike"):
        datasets.read_all()
    with pytest.raises(SourceFailed):
        datasets.read("port.flights")
    assert datasets.readable() == ()


def test_a_dataset_states_names_types_and_nullability_without_metadata(tmp_path: Path) -> None:
    source = MemorySource()
    source.table_schema = pa.schema(
        [pa.field("时间", pa.timestamp("us", "UTC"), nullable=False)], metadata={"pandas": "secret"}
    )
    table = Datasets(settings_for(tmp_path, TLS), source).read("port.flights")

    assert table is not None
    assert table.schema.metadata is None
    (column,) = table.dataset.columns
    assert (column.name, column.type, column.nullable) == ("时间", "timestamp[us, tz=UTC]", False)


def test_the_pseudonym_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    key = pseudonym_key(tmp_path)

    assert pseudonym_key(tmp_path) == key
    assert len(key) == 32
    assert stat.S_IMODE((tmp_path / "pseudonym.key").stat().st_mode) == 0o600


def test_a_damaged_or_readable_pseudonym_key_is_refused_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="damaged"):
        pseudonym_key(tmp_path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        pseudonym_key(tmp_path)
    assert path.read_bytes() == b"short"


def test_slots_are_capped_for_one_and_for_all_and_come_back() -> None:
    slots = Slots(streams_max=3, per_subject_max=2)
    first, _ = slots.take(SUBJECTS["a"]), slots.take(SUBJECTS["a"])
    with pytest.raises(LimitReached):
        slots.take(SUBJECTS["a"])
    slots.take(SUBJECTS["b"])
    with pytest.raises(LimitReached):
        slots.take(SUBJECTS["c"])
    first.release()
    slots.take(SUBJECTS["c"])


def test_a_slot_is_free_when_its_last_holder_lets_go() -> None:
    slots = Slots(streams_max=1, per_subject_max=1)
    slot = slots.take(SUBJECTS["a"])
    slot.hold()
    slot.release()
    assert slots.running == 1
    slot.release()
    assert slots.running == 0


def test_prefetch_yields_everything_in_order() -> None:
    assert list(Prefetch(lambda: iter(range(100)), nothing)) == list(range(100))


def test_prefetch_raises_what_the_generator_raised_after_what_it_yielded() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise SourceFailed("gone")

    items = iter(Prefetch(failing, nothing))
    assert next(items) == 1
    with pytest.raises(SourceFailed):
        next(items)


def test_prefetch_stays_two_ahead_and_ends_the_generator_in_its_own_thread() -> None:
    made: list[int] = []
    ended: list[int] = []
    done = threading.Event()

    def source() -> Iterator[int]:
        made.append(threading.get_ident())
        try:
            for number in range(1000):
                made.append(number)
                yield number
        finally:
            ended.append(threading.get_ident())

    ahead = Prefetch(source, done.set)
    items = iter(ahead)
    assert next(items) == 0
    ahead.close()
    assert done.wait(10)
    assert list(items) == []
    assert ended == [made[0]]
    assert len(made) <= 1 + 1 + 2 + 1


@pytest.mark.parametrize(
    ("off_s", "refused"), [(0, False), (29, False), (-29, False), (31, True), (-600, True)]
)
def test_a_clock_that_is_off_admits_nothing(off_s: int, *, refused: bool) -> None:
    skew, now_us = Skew(), 1_700_000_000_000_000
    skew.compare(now_us + off_s * 1_000_000, now_us, now_us)

    assert skew.excessive is refused
    if refused:
        with pytest.raises(Unavailable) as error:
            skew.check()
        assert error.value.stable_reason == "clock-skew"
        skew.compare(now_us, now_us, now_us)
    skew.check()


def test_a_slow_answer_is_no_skew() -> None:
    skew, now_us = Skew(), 1_700_000_000_000_000
    skew.compare(now_us + 40_000_000, now_us, now_us + 45_000_000)
    skew.check()


def test_a_failing_step_is_tried_again_ever_more_rarely_but_never_given_up() -> None:
    def failing() -> float:
        raise Unavailable("away")

    steps: list[Callable[[], float]] = [failing] * 12
    worker = Worker("test", lambda: steps.pop()() if steps else 7.0)
    pauses = [worker.attempt() for _ in range(12)]

    assert all(0 < pause <= BACKOFF_S_MAX for pause in pauses)
    assert pauses[0] <= 0.5
    assert pauses[-1] >= BACKOFF_S_MAX / 2
    assert worker.attempt() == 7.0
