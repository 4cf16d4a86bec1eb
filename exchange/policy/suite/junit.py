"""Results as JUnit XML, which every CI reads: a suite for each file and engine, a case for each question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from exchange.policy.files.source import Place
from exchange.policy.suite.report import failures
from exchange.policy.suite.runner import Result


def junit(results: Sequence[Result], places: Mapping[str, Place]) -> bytes:
    """The report, UTF-8."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.case.place.file, result.engine), []).append(result)
    root = ET.Element("testsuites", {"name": "exchange policy test", **_counts(results)})
    for (file, engine), group in groups.items():
        suite = ET.SubElement(
            root, "testsuite", {"name": f"{file} [{engine}]", "file": file, **_counts(group)}
        )
        for result in group:
            _case(suite, result, places)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _case(suite: ET.Element, result: Result, places: Mapping[str, Place]) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=result.case.place.file,
        name=_plain(f"{result.case.name}: {result.case.question}"),
        file=result.case.place.file,
        line=str(result.case.place.line),
    )
    if not result.passed:
        first = result.mismatches[0]
        message = _plain(f"{first.what}: expected {first.expected}, got {first.got}")
        failure = ET.SubElement(case, "failure", message=message)
        failure.text = _plain("\n".join(failures([result], places)))


def _counts(results: Sequence[Result]) -> dict[str, str]:
    failed = sum(not result.passed for result in results)
    return {"tests": str(len(results)), "failures": str(failed), "errors": "0"}


def _plain(text: str) -> str:
    """Text that XML can hold: a character it cannot is shown as an escape."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)
