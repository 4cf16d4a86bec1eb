"""Case files are the part of YAML that a person reads as the machine does."""

from __future__ import annotations

import pytest

from exchange.errors import PolicyInvalid
from exchange.policy.suite.source import SOURCE_BYTES_MAX, YamlSource


def parsed(text: str) -> object:
    return YamlSource("cases/x.yaml", text.encode()).content


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("'true'", "true"),
        ("null", None),
        ('"null"', "null"),
        ("~", "~"),
        ("12", 12),
        ("-3", -3),
        ("012", "012"),
        ("1e3", "1e3"),
        ("0x10", "0x10"),
        ("1:30", "1:30"),
        ("2026-06-01", "2026-06-01"),
        ("2026-06-01T12:00:00+08:00", "2026-06-01T12:00:00+08:00"),
        ("应急 处置", "应急 处置"),
    ],
)
def test_a_bare_word_is_what_people_take_it_for(text: str, value: object) -> None:
    assert parsed(f"key: {text}\n") == {"key": value}


def test_every_part_knows_its_line() -> None:
    source = YamlSource("x.yaml", b"a: 1\n\ncases:\n  - name: one\n  - name: two\n    more: [1, 2]\n")
    assert str(source.place(("cases", 1))) == "x.yaml:5"
    assert str(source.place(("cases", 1, "more", 1))) == "x.yaml:6"
    assert str(source.place(("cases", 1, "missing", "deep"))) == "x.yaml:5"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "stands there twice"),
        ("a: &x 1\nb: 2\n", 1, "an anchor"),
        ("a: 1\nb: *x\n", 2, "an alias"),
        ("a: !!python/object:os.system x\n", 1, "a tag"),
        ("a: !!str 5\n", 1, "a tag"),
        ("%YAML 1.2\n---\na: 1\n", 1, "a directive"),
        ("a: 1\n---\nb: 2\n", 2, "a document marker"),
        ("a: 1\n<<: {b: 2}\n", 2, "a key is one word"),
        ("a: 1\n? [1, 2]\n: 3\n", 2, "a key is one word"),
        ("a: [1, 2\n", 2, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: " + "[" * 40 + "]" * 40 + "\n", 1, "too deep"),
        ("a: \u202e1\n", 1, "U+202E"),
        ("a: e\u0301\n", 1, "NFC"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parsed(text)
    assert caught.value.public.startswith(f"cases/x.yaml:{line}")
    assert said in str(caught.value)


def test_deep_blocks_are_refused() -> None:
    with pytest.raises(PolicyInvalid):
        parsed("\n".join(" " * depth + "a:" for depth in range(3000)))


@pytest.mark.parametrize("content", [b"a: \xff\n", b"a" * (SOURCE_BYTES_MAX + 1)], ids=["bytes", "size"])
def test_no_text_and_too_much_of_it_is_refused(content: bytes) -> None:
    with pytest.raises(PolicyInvalid):
        YamlSource("x.yaml", content)
