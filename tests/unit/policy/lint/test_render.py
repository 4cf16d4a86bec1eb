"""The caret stands right under the place, however wide the characters before it are."""

from __future__ import annotations

import pytest

from exchange.policy.files.faults import Severity
from exchange.policy.lint.locate import Finding
from exchange.policy.lint.render import lines


def rendered(text: str, at: str) -> list[str]:
    finding = Finding("f.csv", 7, text.index(at) + 1, text, len(at), "wrong", "mend it", Severity.ERROR)
    return list(lines(finding))


@pytest.mark.parametrize(
    ("text", "at", "shown", "caret"),
    [
        ("p, x, y", "x", "    7 | p, x, y", "      |    ^"),
        ("中水市, 港务局, x", "港务局", "    7 | 中水市, 港务局, x", "      |         ^^^^^^"),
        ("\tp,\tx", "x", "    7 |     p,    x", "      |           ^"),
        ("e\u0301, x", "x", "    7 | e\u0301, x", "      |    ^"),
        ("a\u200bb", "b", "    7 | a<U+200B>b", "      |          ^"),
        ("a\x1b[2Jb", "b", "    7 | a<U+001B>[2Jb", "      |             ^"),
    ],
)
def test_the_caret_is_under_the_place(text: str, at: str, shown: str, caret: str) -> None:
    assert rendered(text, at)[1:3] == [shown, caret]


def test_a_long_line_is_cut_around_the_place() -> None:
    text = "x" * 500 + ", 港务局, " + "y" * 500
    _, shown, caret, _ = rendered(text, "港务局")
    assert len(shown) < 200
    assert shown.startswith("    7 | … x")
    assert shown.endswith("y …")
    assert shown[caret.index("^") :].startswith("港务局")


def test_the_whole_of_a_finding() -> None:
    assert rendered("p, x", "x") == [
        "f.csv:7:4: error: wrong",
        "    7 | p, x",
        "      |    ^",
        "      = mend it",
    ]


def test_a_fault_without_a_line_has_no_caret() -> None:
    finding = Finding("model.conf", 1, 0, "", 0, "the file is missing", "add it", Severity.ERROR)
    assert list(lines(finding)) == ["model.conf:1:1: error: the file is missing", "      = add it"]
