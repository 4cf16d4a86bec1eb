"""T30: whoever asks, or writes conditions, cannot fill the broker's memory with what it remembers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import small_city

from exchange.broker import columns
from exchange.model.canonical import JsonValue
from exchange.model.dataset import COLUMNS_MAX, Column, Dataset
from exchange.model.kept import SHARE, Kept
from exchange.model.obligation import ColumnRule, Obligations
from exchange.model.request import ReadRequest
from exchange.policy import combined, fit
from exchange.policy.combine import Reader
from exchange.policy.engines import rego_speaker
from exchange.policy.engines.rego_answer import Modules, Values, interpret
from exchange.policy.engines.rego_check import check_module
from exchange.policy.engines.rego_speaker import Speaker

READS_COLUMNS = check_module(
    "conditions.rego",
    b'package exchange.departments.port\nallow if "a" in input.columns\n',
    "exchange.departments.port",
)
WIDE = Dataset(
    id="port.flights",
    title="x",
    columns=tuple(Column(name=f"c{number}", type="string") for number in range(COLUMNS_MAX)),
)
ALL = Obligations(columns=tuple(ColumnRule(name=column.name) for column in WIDE.columns))

ROOM = 32 << 20


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memories of their own, so that nothing another test asked is in them."""
    monkeypatch.setattr(fit, "_KEPT", Kept(fit.KEPT_BYTES_MAX))
    monkeypatch.setattr(combined, "_KEPT", Kept(ROOM))
    monkeypatch.setattr(columns, "_KEPT", Kept(columns.KEPT_BYTES_MAX))


def test_t30_a_megabyte_for_a_columns_name_is_not_remembered() -> None:
    for number in range(3):
        request = ReadRequest(
            dataset="port.flights", purpose="x", trace_id="0" * 32, columns=(f"{number}" * (1 << 20),)
        )
        assert isinstance(fit.fit(request, WIDE, ALL), fit.Unfit)
    assert not fit._KEPT._found


def test_t30_each_question_of_thousands_of_columns_is_answered_and_forgotten() -> None:
    def allow(_modules: Modules, _question: Mapping[str, JsonValue]) -> list[Values]:
        return [{"allow": True}]

    speaker = Speaker(READS_COLUMNS, allow)
    for number in range(100):
        names: list[JsonValue] = [f"{number}-{place}".ljust(100) for place in range(200)]
        assert speaker.say({"columns": names}) == {"allow": True}
        assert speaker._said._bytes <= rego_speaker.ANSWERS_BYTES_MAX
    assert len(speaker._said._found) < 100
    speaker.say({"columns": ["x" * 1000] * 4096})
    assert speaker._said._bytes <= rego_speaker.ANSWERS_BYTES_MAX
    assert all(
        len(str(question)) < rego_speaker.ANSWERS_BYTES_MAX // SHARE for question in speaker._said._found
    )


def test_t30_demands_of_a_module_are_combined_and_forgotten() -> None:
    """A module may demand something else each microsecond."""
    bundle = small_city.small_city()
    classified = bundle.classified("port.flights")
    assert classified is not None
    for number in range(40):
        said: Values = {
            "allow": True,
            "obligations": [
                {"id": "x", "columns": {"withhold": [f"{number}-{n}" * 50 for n in range(2000)]}}
            ],
        }
        demands = interpret((READS_COLUMNS,), [said]).demands
        parts = combined.Parts(small_city.FLIGHTS, classified, bundle.baseline, demands)
        combined.combined(parts, Reader(owner=False, scope="x"))
        assert combined._KEPT._bytes <= ROOM
    assert len(combined._KEPT._found) < 40


def test_t30_the_columns_of_many_wide_answers_are_bounded() -> None:
    for _ in range(20):
        assert len(columns.governed_columns(ALL.model_copy(), WIDE)) == COLUMNS_MAX
        assert columns._KEPT._bytes <= columns.KEPT_BYTES_MAX
    assert len(columns._KEPT._found) < 20
