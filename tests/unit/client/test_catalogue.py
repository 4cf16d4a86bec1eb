"""What a consumer may see, as a table that reads well."""

from __future__ import annotations

import pytest

from exchange import errors
from exchange.client.catalogue import Catalogue
from exchange.client.city import City
from exchange.model.dataset import Column
from exchange.wire.asking import Entry


def entry(dataset: str, title: str, **changes: object) -> Entry:
    values = {
        "id": dataset,
        "title": title,
        "department": dataset.partition(".")[0],
        "purposes": ("emergency-response", "stewardship"),
        "columns": (Column(name="origin", type="string"),),
        "availability": "serving",
    }
    return Entry(**(values | changes))


CATALOGUE = Catalogue(
    (entry("weather.观测", "Observations", availability="silent"), entry("port.flights", "进出港航班")), 7
)


def test_it_prints_as_a_table_in_the_order_of_ids() -> None:
    assert repr(CATALOGUE).splitlines() == [
        "dataset       title         purposes                         columns  state",
        "port.flights  进出港航班    emergency-response, stewardship  1        serving",
        "weather.观测  Observations  emergency-response, stewardship  1        silent",
    ]


def test_it_iterates_counts_and_finds() -> None:
    assert [found.id for found in CATALOGUE] == ["port.flights", "weather.观测"]
    assert len(CATALOGUE) == 2
    assert "port.flights" in CATALOGUE
    assert CATALOGUE["port.flights"].title == "进出港航班"


def test_what_is_not_there_was_not_granted() -> None:
    with pytest.raises(errors.AccessRefused, match=r"hr\.salaries"):
        CATALOGUE["hr.salaries"]


def test_as_arrow_it_has_one_row_for_each_dataset() -> None:
    rows = CATALOGUE.to_arrow().to_pylist()

    assert [row["id"] for row in rows] == ["port.flights", "weather.观测"]
    assert rows[0]["columns"] == ["origin"]
    assert rows[0]["purposes"] == ["emergency-response", "stewardship"]


def test_an_empty_one_says_so_and_is_still_a_table() -> None:
    empty = Catalogue((), 3)

    assert repr(empty) == "no dataset is granted to you (policy revision 3)"
    assert empty.to_arrow().num_rows == 0


def test_titles_cannot_break_the_table() -> None:
    catalogue = Catalogue((entry("port.flights", "a\nb\x1b[31m" + "长" * 100),), 1)

    line = repr(catalogue).splitlines()[1]

    assert "\x1b" not in line
    assert len(repr(catalogue).splitlines()) == 2
    assert "…" in line


def test_it_comes_from_the_broker(city: City) -> None:
    catalogue = city.datasets()

    assert catalogue.revision == 7
    assert [found.id for found in catalogue] == ["port.flights"]
