"""Records in other forms: nothing is lost, nothing is altered, and other programs' own schemas accept it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from audit_house import ORIGIN, PUBLIC, lines_of
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from told_house import DATASET, SECOND, telling

from exchange.audit.exports.choice import Chosen
from exchange.audit.exports.export import export
from exchange.audit.exports.ocsf import SCHEMA_VERSION, event
from exchange.audit.index.question import Question
from exchange.audit.index.schema import COLUMNS
from exchange.audit.proofs.checkpoint import open_checkpoint
from exchange.audit.proofs.merkle import Frontier, leaf_hash
from exchange.audit.records.entry import KINDS, Entry
from exchange.audit.storage.layout import Layout
from exchange.errors import ConfigError, LogCorrupt

GOLDEN = Path(__file__).resolve().parents[3] / "golden"
EXAMPLES = (GOLDEN / "audit" / "records.jsonl").read_bytes().splitlines()
FUTURE = (
    b'{"id":"","index":9,"kind":"weather","mood":"\xe6\x99\xb4","time":"2026-06-01T00:00:00.000000Z",'
    b'"trace":"","v":1}'
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    with telling(tmp_path / "log") as city:
        for number in range(3):
            city.honest(number)
        city.decide(8, dataset="weather.雨量", department="research", purpose="运输研究")
        city.revoke(2)
        city.refused("receipt-conflict")
    return tmp_path / "log"


@cache
def published() -> OcsfJsonSchemaEmbedded:
    """What the OCSF project publishes, as an independent package has it."""
    return OcsfJsonSchemaEmbedded(get_ocsf_schema(version=SCHEMA_VERSION))


@cache
def schema_for(class_uid: int, profiles: tuple[str, ...]) -> Draft202012Validator:
    name = published().lookup_class_name_from_uid(class_uid=class_uid)
    return Draft202012Validator(published().get_class_schema(class_name=name, profiles=list(profiles)))


def schema_of(made: dict[str, Any]) -> Draft202012Validator:
    """Of the event's class, with the profiles that it says it has."""
    return schema_for(made["class_uid"], tuple(made["metadata"].get("profiles", ())))


def mapped(line: bytes) -> dict[str, Any]:
    return event(Chosen(line, Entry.parse(line)), ORIGIN)


def test_the_examples_are_of_every_kind() -> None:
    assert {Entry.parse(line).kind for line in EXAMPLES} == KINDS


@pytest.mark.parametrize("line", [*EXAMPLES, FUTURE], ids=lambda line: Entry.parse(line).kind)
def test_every_kind_is_an_event_that_the_ocsf_schema_accepts(line: bytes) -> None:
    made = mapped(line)
    schema_of(made).validate(made)
    assert made["type_uid"] == made["class_uid"] * 100 + made["activity_id"]
    assert made["metadata"]["uid"] == f"{ORIGIN}/{Entry.parse(line).index}"
    assert made["raw_data"].encode() == line


def test_the_schema_does_refuse_what_is_not_ocsf() -> None:
    made = mapped(EXAMPLES[0])
    assert schema_of(made).is_valid(made)
    assert not schema_of(made).is_valid({**made, "severity_id": "high"})
    assert not schema_of(made).is_valid({**made, "an_attribute_of_ours": 1})
    assert not schema_of(made).is_valid({key: value for key, value in made.items() if key != "time"})


@pytest.mark.parametrize(
    ("kind", "class_uid"),
    [
        ("decision", 6005),
        ("start", 6005),
        ("end", 6005),
        ("received", 6005),
        ("refusal", 6005),
        ("publication", 3004),
        ("revocation", 3004),
        ("registration", 3004),
        ("certificate", 3004),
        ("log", 6002),
        ("administration", 6003),
    ],
)
def test_a_kind_is_always_of_one_class(kind: str, class_uid: int) -> None:
    lines = [line for line in EXAMPLES if Entry.parse(line).kind == kind]
    assert {mapped(line)["class_uid"] for line in lines} == {class_uid}


def test_a_denial_is_a_failure_and_a_grant_a_success(log: Path) -> None:
    line = lines_of(log)[1]
    granted, denied = mapped(line), mapped(line.replace(b'"allow"', b'"deny"'))
    assert (granted["status"], granted["severity"]) == ("Success", "Informational")
    assert (denied["status"], denied["severity"]) == ("Failure", "Medium")
    assert (granted["action"], denied["action"]) == ("Allowed", "Denied")


def test_jsonl_is_verbatim_so_that_the_signed_root_follows_from_the_file(log: Path, tmp_path: Path) -> None:
    assert export(log, tmp_path / "out.jsonl", "jsonl") == len(lines_of(log))
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert lines == lines_of(log)
    tree = Frontier()
    tree.extend([leaf_hash(line) for line in lines])
    signed = open_checkpoint(Layout(log).checkpoint.read_bytes(), PUBLIC)
    assert (tree.size, tree.root()) == (signed.size, signed.root)


def test_jsonl_can_have_leaf_hashes(log: Path, tmp_path: Path) -> None:
    export(log, tmp_path / "out", "jsonl", leaves=True)
    for line in (tmp_path / "out").read_bytes().splitlines():
        leaf, _, record = line.partition(b"\t")
        assert bytes.fromhex(leaf.decode()) == leaf_hash(record)


def test_ocsf_keeps_each_record_and_chinese_text_as_text(log: Path, tmp_path: Path) -> None:
    export(log, tmp_path / "out", "ocsf")
    events = [json.loads(line) for line in (tmp_path / "out").read_bytes().splitlines()]
    assert [made["raw_data"].encode() for made in events] == lines_of(log)
    assert DATASET in {made["table"]["name"] for made in events if "table" in made}
    assert DATASET.encode() in (tmp_path / "out").read_bytes()
    for made in events:
        schema_of(made).validate(made)


def test_parquet_has_typed_columns_and_each_record(log: Path, tmp_path: Path) -> None:
    export(log, tmp_path / "out.parquet", "parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == [*COLUMNS, "record"]
    assert [text.encode() for text in table["record"].to_pylist()] == lines_of(log)
    assert {str(table.schema.field(name).type) for name in ("time", "expires")} == {"timestamp[us, tz=UTC]"}
    assert set(table["dataset"].drop_null().to_pylist()) == {DATASET, "weather.雨量"}


@pytest.mark.parametrize("form", ["jsonl", "parquet", "ocsf"])
def test_only_what_was_asked_for(log: Path, tmp_path: Path, form: Any) -> None:
    def count(**asked: Any) -> int:
        (tmp_path / "out").unlink(missing_ok=True)
        return export(log, tmp_path / "out", form, question=Question(**asked))

    first = Entry.parse(lines_of(log)[0]).time_us
    assert count(kind="decision") == 4
    assert count(dataset="weather.雨量") == 1
    assert count(department="research") == 1
    assert count(to_us=first + SECOND) == 2
    assert count(dataset="nobody.knows") == 0


def test_nothing_is_overwritten(log: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        export(log, tmp_path / "out", "jsonl")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_damaged_log_leaves_no_file(log: Path, tmp_path: Path) -> None:
    (segment,) = Layout(log).segments()
    segment.write_bytes(segment.read_bytes().replace(b'"kind":"decision"', b'"kind":"Decision"', 1))
    with pytest.raises(LogCorrupt):
        export(log, tmp_path / "out", "jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


def test_no_log_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no audit log"):
        export(tmp_path, tmp_path / "out", "jsonl")


def test_progress_reaches_the_end(log: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    export(log, tmp_path / "out", "jsonl", progress=lambda done, of: told.append((done, of)))
    assert told[-1][0] == told[-1][1] == Layout(log).segments()[0].stat().st_size


def test_leaf_hashes_are_for_jsonl_only(log: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="JSON Lines"):
        export(log, tmp_path / "out", "parquet", leaves=True)
