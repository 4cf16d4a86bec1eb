"""The check as a whole: sound files, all faults at once, and the broker refusing what the check refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checked_city import RULES, added, changed, told
from small_city import (
    CITY,
    DATASETS,
    FILES,
    FLIGHTS,
    GRANTS,
    MODEL,
    NOON,
    OBLIGATIONS,
    REGO,
    ROLES,
    files,
    obligation,
)

from exchange.errors import ConfigError, PolicyInvalid
from exchange.model.dataset import Column, Dataset
from exchange.policy.bundle import load
from exchange.policy.lint.check import check
from exchange.policy.lint.schemas import load_schemas

SERVED = FLIGHTS.model_copy(update={"columns": FLIGHTS.columns[:-1]})


def test_a_sound_city_has_no_fault() -> None:
    assert told({}) == ""


def test_byte_order_mark_tabs_and_windows_line_ends_are_no_fault() -> None:
    changes = {path: "\ufeff" + text.replace("\n", "\r\n") for path, text in FILES.items()}
    changes[GRANTS] = changes[GRANTS].replace(", ", ",\t")
    assert told(changes) == ""


def test_a_file_that_is_not_utf8_is_named_with_its_line() -> None:
    found = check(files() | {GRANTS: b"# fine\n# \xff\n"}, NOON).findings
    assert next((one.file, one.line, one.what) for one in found) == (GRANTS, 2, "the line is not UTF-8")


def test_all_faults_of_all_files_come_at_once_and_in_order() -> None:
    changes = {
        **changed(CITY, '"normal", "emergency"', '"normal", "normal"'),
        **changed(MODEL, "r.act == p.act", "true"),
        **added(ROLES, "g, department:press, role:reporter\n"),
        **changed(DATASETS, '"sensitive"', '"sensible"'),
        **added(GRANTS, "p, *, port.flights, read, fun, alow\n"),
        OBLIGATIONS: obligation('columns = { withhold = ["nothing", "nowhere"] }'),
        REGO: RULES + 'allow if opa.runtime() == input.departmnt\nalow if input.state == "calm"\n',
    }
    found = check(files(changes), NOON).findings
    places = [(one.file, one.line, one.column) for one in found]
    assert places == sorted(places)
    assert [one.file for one in found] == [
        ROLES,
        CITY,
        *[REGO] * 3,
        DATASETS,
        *[GRANTS] * 3,
        *[OBLIGATIONS] * 2,
        MODEL,
    ]


@pytest.mark.parametrize(
    "changes",
    [
        changed(GRANTS, "allow", "alow"),
        changed(DATASETS, '"sensitive"', '"sensible"'),
        added(ROLES, "g, department:press, role:reporter\n"),
        {OBLIGATIONS: obligation('rows = "dlay > 5"')},
        {REGO: RULES + "allow if opa.runtime()\n"},
    ],
)
def test_what_the_broker_refuses_is_the_first_that_the_check_tells(changes: dict[str, str]) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load(files(changes), 1)
    first = check(files(changes), NOON).errors[0]
    assert (caught.value.public.split(": ", 1)[1], caught.value.hint) == (first.what, first.mend)


def test_a_faulty_dataset_is_one_fault_and_not_one_for_each_rule_that_names_it() -> None:
    found = check(files(changed(DATASETS, '"conditional"', '"partly"')), NOON).findings
    assert [(one.file, one.line) for one in found] == [(DATASETS, 4)]


def test_a_missing_file_is_named() -> None:
    tree = files()
    del tree[MODEL], tree[ROLES]
    found = check(tree, NOON).errors
    assert {(one.file, one.what) for one in found} >= {
        (MODEL, "the file is missing"),
        (ROLES, "the file is missing"),
    }


def test_a_schema_that_is_known_shows_columns_nobody_classified() -> None:
    text = told({}, FLIGHTS)
    assert "column 'added_yesterday' of port.flights is not classified" in text
    assert text.startswith("departments/port/datasets.toml:2:11: error:")
    assert told({}, SERVED) == ""


def test_a_renamed_column_is_found() -> None:
    renamed = SERVED.model_copy(update={"columns": SERVED.columns[1:]})
    assert "port.flights serves no column 'origin'" in told({}, renamed)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('rows = "origin > 5"', "rows:"),
        ('mask = { delay = { kind = "partial", first = 1 } }', "mask partial cannot act on 'delay'"),
    ],
)
def test_a_rule_that_does_not_fit_the_schema_is_found(body: str, said: str) -> None:
    assert said in told({OBLIGATIONS: obligation(body)}, SERVED)


@pytest.mark.parametrize(
    "text",
    [
        '{"port.flights": {"origin": "string"}}',
        '{"id": "port.flights", "columns": [{"name": "origin", "type": "string"}]}\n',
        '[{"id": "port.flights", "columns": {"origin": "string"}}]',
    ],
)
def test_schemas_are_read_in_each_form(text: str, tmp_path: Path) -> None:
    (tmp_path / "schemas.json").write_text(text)
    expected = Dataset(
        id="port.flights", title="port.flights", columns=(Column(name="origin", type="string"),)
    )
    assert load_schemas(tmp_path / "schemas.json") == {"port.flights": expected}


@pytest.mark.parametrize("text", ["", "[]x", '{"port.flights": 5}', json.dumps([5])])
def test_a_file_without_schemas_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "schemas.json"
    path.write_text(text)
    if text:
        with pytest.raises(ConfigError, match="holds no schemas"):
            load_schemas(path)
    else:
        assert load_schemas(path) == {}
