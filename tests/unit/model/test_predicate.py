"""The language of predicates is closed: it says what it takes and refuses the rest by name."""

from __future__ import annotations

import pytest

from exchange.errors import PredicateInvalid
from exchange.model.dataset import Column
from exchange.model.predicate import And, Compare, Not, Or, both, check, columns_of, conjuncts
from exchange.model.predicate_sql import parse, render, shape

COLUMNS = {
    column.name: column
    for column in (
        Column(name="n", type="int64"),
        Column(name="t", type="string"),
        Column(name="b", type="bool"),
        Column(name="d", type="date32[day]"),
        Column(name="s", type="timestamp[us, tz=UTC]"),
        Column(name="l", type="list<item: int64>"),
        Column(name="名称", type="dictionary<values=string, indices=int32, ordered=0>"),
    )
}


def test_t57_what_is_not_a_comparison_is_refused_before_anything_runs() -> None:
    for text in (
        "read_csv('/etc/passwd')",
        "n = 1; DROP TABLE x",
        "n = (SELECT 1)",
        "n = 1 -- comment",
        "n = 1 /* comment */",
        "n = 1 UNION SELECT 2",
        "n = 1 ORDER BY t",
        "n = 1 LIMIT 3",
        "n = 1 QUALIFY 1",
        "n::text = '1'",
        "t = DATE '2020-01-01'",
        "lower(t) = 'x'",
        "n + 1 = 2",
        "n = t",
        "x.n = 1",
        "n = :p",
        "n = ?",
        "1 = 1",
        "",
        "   ",
        "t LIKE 'x' ESCAPE '!'",
        "t ILIKE 'x'",
        "t LIKE 'a\\b'",
        "n IN (SELECT 1)",
        "EXISTS (SELECT 1)",
        "CASE WHEN n = 1 THEN TRUE END",
        "(" * 500,
        "NOT " * 200 + "n = 1",
        "n = 1 AND " * 2000 + "n = 1",
    ):
        with pytest.raises(PredicateInvalid):
            parse(text)


def test_what_people_write_means_what_sql_means() -> None:
    assert parse("60 < n") == Compare(column="n", op=">", value=60)
    assert parse("n BETWEEN 1 AND 2") == parse("n >= 1 AND n <= 2")
    assert parse("n NOT IN (1, 2)") == Not(term=parse("n IN (1, 2)"))
    assert parse("b") == Compare(column="b", op="=", value=True)
    assert parse("n != -1.5") == Compare(column="n", op="<>", value=-1.5)
    assert parse("\"名称\" = 'O''Brien'") == Compare(column="名称", op="=", value="O'Brien")
    assert isinstance(parse("n = 1 OR n = 2 AND b"), Or)


@pytest.mark.parametrize(
    "text",
    [
        "n = 1",
        "t = '1' AND n IN (1, 2)",
        "b",
        "d >= '2013-01-01'",
        "s < '2013-01-01T05:00:00+08:00'",
        "l IS NULL",
    ],
)
def test_a_predicate_that_fits_its_columns_passes(text: str) -> None:
    check(parse(text), COLUMNS.get)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gone = 1", "unknown column 'gone'"),
        ("n = '1'", "does not fit 'n'"),
        ("n = TRUE", "does not fit 'n'"),
        ("n = 99999999999999999999", "does not fit 'n'"),
        ("n = 1e999", "does not fit 'n'"),
        ("t = 1", "does not fit 't'"),
        ("b > TRUE", "boolean"),
        ("d = 'yesterday'", "does not fit 'd'"),
        ("s = '2013-13-01'", "does not fit 's'"),
        ("l = 1", "cannot be compared"),
        ("n LIKE '1%'", "LIKE needs a text column"),
    ],
)
def test_a_predicate_that_does_not_fit_says_where(text: str, says: str) -> None:
    with pytest.raises(PredicateInvalid, match=says):
        check(parse(text), COLUMNS.get)


def test_t62_the_shape_holds_no_value() -> None:
    text = shape(parse("t = '320311197001011234' AND (n IN (13800138000) OR t LIKE '张%')"))
    assert text == '("t" = ?) AND (("n" IN (?)) OR ("t" LIKE ?))'


def test_the_conjunction_of_nothing_is_no_predicate() -> None:
    one = parse("n = 1")
    assert both(None, None) is None
    assert both(one, None) == one
    assert both(one, one) == one
    two = both(one, parse("b"))
    assert isinstance(two, And)
    assert conjuncts(two) == two.terms
    assert columns_of(two) == {"n", "b"}
    assert parse(render(two)) == two
