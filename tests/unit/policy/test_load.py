"""Loading refuses what would never match or not do what it says, and names file, line and mend."""

from __future__ import annotations

import pytest
from small_city import (
    BASELINE,
    CITY,
    DATASETS,
    EXAMPLE_CITY,
    FILES,
    FLIGHTS,
    GRANTS,
    OBLIGATIONS,
    ROLES,
    ask,
    files,
    obligation,
    refusal,
    small_city,
)

from exchange.errors import PolicyInvalid
from exchange.policy.bundle import load
from exchange.policy.files.tree import digest, part, read_tree, replace_department


def test_the_small_city_is_sound() -> None:
    bundle = small_city(revision=4)
    assert bundle.revision == 4
    assert list(bundle.parts) == ["port"]


@pytest.mark.parametrize("path", [CITY, "model.conf", ROLES, BASELINE, "baseline/conditions.rego"])
def test_a_city_without_one_of_its_files_is_refused(path: str) -> None:
    tree = files()
    del tree[path]
    assert refusal({}, tree) == f"{path}:1: the file is missing"


@pytest.mark.parametrize(
    "path", ["departments/port/grant.csv", "grants.csv", "baseline/x.toml", "departments/x"]
)
def test_a_file_that_nothing_reads_is_refused(path: str) -> None:
    assert path in refusal({path: ""})


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        (CITY, "[department]", "[departement]", "city.toml:5: unknown key `departement`"),
        (CITY, "port = {", "city = {", "city.toml:6: 'city' cannot name a department"),
        (CITY, 'levels = ["public"', 'levels = ["public", "public"', "city.toml:3: `levels` names one twice"),
        (CITY, "emergency-response", '"to do"', "city.toml:11: 'to do' cannot be a code"),
        (CITY, "trust_domain =", "trust_domain", "city.toml:2: not TOML"),
        (
            ROLES,
            "role:researcher",
            "role:reseacher",
            "baseline/roles.csv:2: role 'reseacher' is not declared",
        ),
        (ROLES, "department:research", "department:recherche", "department 'recherche' is not declared"),
        (
            BASELINE,
            "person-identifier",
            "person",
            "baseline/obligations.toml:2: tag 'person' is not declared",
        ),
        (BASELINE, "pseudonym", "pseudonim", "baseline/obligations.toml:5: `mask.0.mask"),
        (BASELINE, '"secret"', '"secrett"', "baseline/obligations.toml:7: level 'secrett'"),
        (BASELINE, 'id = "secrets"', 'id = "persons"', "baseline/obligations.toml:7: id 'persons' is taken"),
        (BASELINE, 'from_level = "secret"', "", "baseline/obligations.toml:7: the rule reaches no column"),
        (
            DATASETS,
            '"conditional"',
            '"conditonal"',
            "departments/port/datasets.toml:4: `dataset.port.flights.sh",
        ),
        (DATASETS, 'condition = "应急"', "", "a conditional dataset states its `condition`"),
        (DATASETS, '"sensitive"', '"sensible"', "datasets.toml:11: level 'sensible' is not declared"),
        (DATASETS, "person-identifier", "persons", "datasets.toml:11: tag 'persons' is not declared"),
        (DATASETS, "dest =", "Origin =", "duplicates or look alike"),
        (GRANTS, ", read,", ", write,", "grants.csv:2: unknown action 'write'"),
        (GRANTS, "emergency-response", "emergency", "grants.csv:2: purpose 'emergency' is not declared"),
        (GRANTS, "port.flights", "port.flight", "grants.csv:2: unknown dataset 'port.flight'"),
        (GRANTS, "spiffe://port.", "spiffe://harbour.", "grants.csv:4: department 'harbour' is not declared"),
        (GRANTS, ".example/system", ".test/system", "belongs to another trust domain"),
        (
            GRANTS,
            "allow\np, role:r",
            "allow # trust me\np, role:r",
            "grants.csv:2: a line holds plain fields",
        ),
    ],
)
def test_a_typo_is_an_error_with_its_line(path: str, old: str, new: str, said: str) -> None:
    changed = FILES[path].replace(old, new, 1)
    assert changed != FILES[path]
    assert said in refusal({path: changed})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('rows = "delay >"', "obligations.toml:4: `rows`: the predicate cannot be parsed"),
        ("rows = \"lower(origin) = 'a'\"", "`rows`: 'lower(origin)' is not a column name"),
        ('columns = { withold = ["at"] }', "obligations.toml:4: unknown key `columns.withold`"),
        ('columns = { withhold = ["att"] }', "has no classified column 'att'"),
        ('rows = "delai > 5"', "has no classified column 'delai'"),
        ('mask = { att = { kind = "null" } }', "has no classified column 'att'"),
        ('mask = { at = { kind = "blur" } }', "`mask.at"),
        ('mask = { at = { kind = "truncate", unit = "week" } }', "`mask.at"),
        ('mask = { tailnum = { kind = "pseudonym", scope = "all" } }', "scope of a pseudonym follows"),
        ('mask_tag = { person = { kind = "null" } }', "tag 'person' is not declared"),
        ('subjects = ["role:responder"]', "role 'responder' is not declared"),
        ('subjects = ["emergency"]', "names no subject"),
        ('purposes = ["fun"]', "purpose 'fun' is not declared"),
        ("row_limit = 0", "obligations.toml:4: `row_limit`"),
        ("windows = [{ rows_max = 5 }]", "is missing"),
        ("valid_until = 2026-06-30T00:00:00", "a time needs its offset"),
        ('succeeds = "another"', "`succeeds` names 'another'"),
        ('succeeds = "rule"', "`succeeds` names 'rule'"),
        ("rowlimit = 5", "obligations.toml:4: unknown key `rowlimit`"),
    ],
)
def test_an_obligation_that_would_not_act_is_refused(body: str, said: str) -> None:
    assert said in refusal({OBLIGATIONS: obligation(body)})


def test_two_obligations_cannot_share_an_id() -> None:
    text = refusal({OBLIGATIONS: obligation("row_limit = 5") * 2})
    assert text == "departments/port/obligations.toml:6: id 'rule' is taken"


def test_a_repeated_grant_is_refused_because_revoking_one_would_leave_the_other() -> None:
    line = "p, role:researcher, port.flights, read, transport-research, allow\n"
    assert refusal({GRANTS: line * 2}) == "departments/port/grants.csv:2: the line repeats line 1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# e\u0301", "departments/port/grants.csv:1: the line is not in Unicode NFC"),
        ("#\n# \u202eevil", "departments/port/grants.csv:2: the invisible character U+202E"),
        ("# \x00", "departments/port/grants.csv:1: the invisible character U+0000"),
    ],
)
def test_what_a_person_reads_is_what_the_machine_reads(text: str, said: str) -> None:
    assert refusal({GRANTS: text}).startswith(said)


def test_crlf_files_read_like_others() -> None:
    assert ask(
        small_city({path: text.replace("\n", "\r\n") for path, text in FILES.items()})
    ).decision.allowed


@pytest.mark.parametrize(
    "body", ['rows = "origin > 5"', 'mask = { delay = { kind = "partial", first = 1 } }']
)
def test_with_schemas_a_rule_that_does_not_fit_the_columns_is_refused(body: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^departments/port/obligations.toml:1: "):
        load(files({OBLIGATIONS: obligation(body)}), 1, {"port.flights": FLIGHTS})


def test_the_digest_depends_on_every_path_and_byte() -> None:
    tree = files()
    assert digest(tree) == digest(dict(reversed(tree.items())))
    assert digest(tree) != digest(tree | {"README.md": b""})
    assert digest({"a": b"bc"}) != digest({"ab": b"c"})


def test_a_departments_part_is_replaced_whole() -> None:
    tree = replace_department(files(), "port", {"README.md": b"empty now"})
    assert part(tree, "port") == {"README.md": b"empty now"}
    assert tree[CITY] == files()[CITY]


def test_the_example_city_is_sound() -> None:
    bundle = load(read_tree(EXAMPLE_CITY), 1)
    assert list(bundle.parts) == ["audit", "health", "port", "registry", "weather"]
