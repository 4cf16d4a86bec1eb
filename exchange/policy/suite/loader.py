"""From the case files of a policy tree to one suite; what could make a case pass by mistake is refused."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator

from exchange.errors import ExchangeError
from exchange.model.dataset import Dataset
from exchange.model.request import ReadRequest
from exchange.model.subject import Kind, Subject, spiffe_id
from exchange.policy.bundle import Bundle
from exchange.policy.files import tree
from exchange.policy.files.source import Place, refused
from exchange.policy.files.vocabulary import SYSTEM
from exchange.policy.suite.model import Case, CaseFile, Defaults, Names, RawCase, Suite
from exchange.policy.suite.schemas import SCHEMAS_FILE, parse_schemas
from exchange.policy.suite.source import YamlSource

CASES_MAX = 100_000
_TRACE_ID = "0" * 32


def load_suite(files: tree.PolicyTree, bundle: Bundle) -> Suite:
    """Every case of the city and its departments.

    Raises:
        PolicyInvalid: malformed; or a word, dataset or column that does not exist, so that a denial or a
            hidden column would be true of nothing.
    """
    schemas: dict[str, Dataset] = {}
    for name, part in bundle.parts.items():
        path = f"{tree.DEPARTMENTS}/{name}/{SCHEMAS_FILE}"
        if path in files:
            schemas |= parse_schemas(path, files[path], department=name, datasets=part.datasets)
    suite = Suite((), schemas)
    cases: list[Case] = []
    for path in sorted(files):
        owner = _owner(path)
        if owner is not None:
            cases.extend(itertools.islice(_cases(path, files[path], owner, bundle, suite), CASES_MAX))
    if len(cases) > CASES_MAX:
        raise refused(cases[-1].place, f"more than {CASES_MAX} cases", "split the suite")
    return Suite(tuple(cases), schemas)


def _owner(path: str) -> str | None:
    """Whose case file it is: "" for the city's; None where it is none."""
    parts = path.split("/")
    if not path.endswith(".yaml") or "cases" not in parts or path.endswith(SCHEMAS_FILE):
        return None
    return parts[1] if parts[0] == tree.DEPARTMENTS else ""


def _cases(path: str, content: bytes, owner: str, bundle: Bundle, suite: Suite) -> Iterator[Case]:
    source = YamlSource(path, content)
    if not isinstance(source.content, dict):
        raise refused(Place(path, 1), "no case stands there", "write cases: and below it - name: ...")
    parsed = source.read(CaseFile, source.content)
    for index, raw in enumerate(parsed.cases):
        yield from _expand(source.place(("cases", index)), raw, parsed.defaults, owner, bundle, suite)


def _expand(
    place: Place, raw: RawCase, defaults: Defaults, owner: str, bundle: Bundle, suite: Suite
) -> Iterator[Case]:
    """The case for every combination of the values it lists."""
    axes = (
        _listed("subject", raw.subject or defaults.subject, place),
        _listed("dataset", raw.dataset or defaults.dataset, place),
        _listed("purpose", raw.purpose or defaults.purpose, place),
        _listed("state", raw.state or defaults.state, place),
        _listed("time", raw.time or defaults.time, place),
    )
    for subject, dataset, purpose, state, time in itertools.product(*axes):
        request = ReadRequest(
            dataset=dataset,
            purpose=purpose,
            columns=tuple(raw.columns),
            where=raw.where,
            row_limit=raw.row_limit,
            trace_id=_TRACE_ID,
        )
        who, now = _subject(subject, place, bundle), _time(time, place)
        case = Case(raw.name, place, who, request, state, now, raw.expect)
        _check_words(case, owner, bundle)
        _check_columns(case, suite)
        yield case


def _listed(key: str, value: Names | None, place: Place) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not values:
        raise refused(place, f"the case names no {key}", f"add `{key}:` to it or to `defaults:`")
    return values


def _time(text: str, place: Place) -> dt.datetime:
    """The case's clock: with "now" a case would change its answer by itself one day."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise refused(
            place,
            f"{text!r} is not a time",
            "write time: 2026-06-01T12:00:00+08:00, with its offset",
        )
    return moment


def _subject(text: str, place: Place, bundle: Bundle) -> Subject:
    domain = bundle.words.trust_domain
    try:
        if not text.startswith(SYSTEM):
            department, _, name = text.partition("/")
            text = spiffe_id(domain, department, Kind.SYSTEM, name)
        subject = Subject.parse(text, domain)
    except (ExchangeError, ValueError):
        raise refused(
            place, f"{text!r} names no system", "write emergency/dispatch, or its SPIFFE id"
        ) from None
    if subject.department not in bundle.words.departments:
        raise refused(
            place,
            f"department {subject.department!r} is not declared in city.toml",
            f"declared are: {', '.join(sorted(bundle.words.departments))}",
        )
    return subject


def _check_words(case: Case, owner: str, bundle: Bundle) -> None:
    """Words that exist, unless the case is about one that does not."""
    request, reason = case.request, case.expect.reason
    if owner and request.dataset.partition(".")[0] != owner:
        raise refused(
            case.place, f"{request.dataset} is not {owner}'s own", "put the case into the city's cases/"
        )
    if reason != "dataset-unknown" and bundle.classified(request.dataset) is None:
        raise refused(case.place, f"unknown dataset {request.dataset!r}", "or expect reason: dataset-unknown")
    if reason != "purpose-undeclared":
        bundle.words.check_purpose(request.purpose, case.place)
    if reason != "state-undeclared" and case.state not in bundle.words.states:
        raise refused(
            case.place,
            f"state {case.state!r} is not declared",
            f"one of {', '.join(sorted(bundle.words.states))}",
        )


def _check_columns(case: Case, suite: Suite) -> None:
    schema = suite.schemas.get(case.request.dataset)
    if case.expect.decision == "allow" and schema is None:
        raise refused(
            case.place,
            f"nothing is known of the columns of {case.request.dataset}",
            f"list them with their types in its department's {SCHEMAS_FILE}",
        )
    expect = case.expect
    for name in (*(expect.columns or ()), *expect.hidden, *(expect.masks or ())):
        if schema is not None and schema.column(name) is None:
            raise refused(
                case.place,
                f"{schema.id} has no column {name!r}",
                f"mend its name, or add it to {SCHEMAS_FILE}",
            )
