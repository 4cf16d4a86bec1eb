"""The client as a program uses it, against a real broker and connector."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

import exchange
from exchange import errors
from exchange.client.city import City

from .conftest import RunningCity


@pytest.fixture
def press(city: RunningCity) -> Iterator[City]:
    with exchange.connect(city.client("press")) as opened:
        yield opened


def test_the_schema_is_known_before_anything_is_read_and_is_what_arrives(press: City) -> None:
    requests = press.read("port.requests", purpose="trial")

    told = requests.schema

    assert told.equals(requests.to_arrow().schema, check_metadata=True)


def test_a_chosen_order_of_columns_is_kept(press: City) -> None:
    table = press.read("port.requests", purpose="trial", columns=["topic", "number"]).to_arrow()

    assert table.column_names == ["topic", "number"]


def test_rows_beyond_the_limit_do_not_come(press: City) -> None:
    requests = press.read("port.requests", purpose="trial", limit=2)

    assert requests.to_arrow().num_rows == 2
    assert requests.report is not None
    assert requests.report.outcome == "complete"


def test_a_predicate_acts_on_what_is_seen(press: City) -> None:
    contacts = press.read("port.requests", purpose="trial", columns=["contact"])
    pseudonym = contacts.to_arrow()["contact"][0].as_py()

    same = press.read("port.requests", purpose="trial", columns=["contact"], where=f"contact = '{pseudonym}'")

    assert set(same.to_arrow()["contact"].to_pylist()) == {pseudonym}


def test_both_ends_say_the_same_of_a_read(press: City) -> None:
    requests = press.read("port.requests", purpose="trial")
    batches = list(requests)

    assert requests.report is not None
    assert requests.report.rows == sum(batch.num_rows for batch in batches)
    assert requests.delivered


def test_hidden_and_missing_datasets_answer_alike(press: City) -> None:
    texts = []
    for dataset, purpose in (
        ("port.nowhere", "trial"),
        ("port.requests", "stewardship"),
        ("port.requests", "x"),
    ):
        with pytest.raises(errors.AccessRefused) as refused:
            press.read(dataset, purpose=purpose).to_arrow()
        assert refused.value.id
        texts.append((refused.value.public, refused.value.stable_reason, refused.value.hint))

    assert len(set(texts)) == 1


def test_an_unregistered_dataset_is_unavailable(city: RunningCity) -> None:
    with exchange.connect(city.client("port")) as port, pytest.raises(errors.ConnectorUnavailable):
        port.read("press.requests", purpose="trial").to_arrow()


def test_pandas_and_polars_agree_with_arrow(press: City) -> None:
    requests = press.read("port.requests", purpose="trial", columns=["number", "district"])

    expected: pa.Table = requests.to_arrow()

    assert requests.to_pandas().to_dict("list") == expected.to_pydict()
    assert requests.to_polars().to_dict(as_series=False) == expected.to_pydict()
