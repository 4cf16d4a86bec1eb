"""What is remembered is bounded by its size, and is what was put there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from exchange.model.kept import NODE_BYTES, SHARE, Kept, bytes_of


def test_an_answer_is_remembered_and_handed_on() -> None:
    kept: Kept[str, str] = Kept(1600)
    assert kept.get("question") is None
    assert kept.put("question", "answer", 100) == "answer"
    assert kept.get("question") == "answer"


def test_what_would_take_more_than_its_share_is_handed_on_and_not_remembered() -> None:
    kept: Kept[str, str] = Kept(1600)
    assert kept.put("question", "answer", 1600 // SHARE + 1) == "answer"
    assert kept.get("question") is None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 200)), max_size=200))
def test_never_more_is_remembered_than_there_is_room_for(puts: list[tuple[int, int]]) -> None:
    kept: Kept[int, int] = Kept(1600)
    sizes: dict[int, int] = {}
    for question, size in puts:
        if kept.get(question) is None:
            sizes[question] = size
        assert kept.put(question, question, size) == question
        remembered = [question for question in sizes if kept.get(question) == question]
        assert sum(sizes[question] for question in remembered) <= 1600


def test_many_threads_count_each_answer_once() -> None:
    kept: Kept[int, int] = Kept(SHARE * 100)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: kept.put(number % 10, number % 10, 100), range(800)))
    assert kept._bytes == 1000
    assert [kept.get(number) for number in range(10)] == list(range(10))


def test_a_value_weighs_all_that_is_in_it() -> None:
    assert bytes_of("四个汉字") >= 16
    assert bytes_of(("x" * 1000,)) > 1000
    assert bytes_of({"x" * 1000: ["y" * 1000, True, None]}) > 2000
    assert bytes_of(None) == NODE_BYTES
