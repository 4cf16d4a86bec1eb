"""The six masks over every type they fit, at the ends of each type."""

from __future__ import annotations

import datetime as dt
import hmac
import math
from decimal import Decimal

import pyarrow as pa
import pytest

from exchange.connector.enforce import pseudonym
from exchange.connector.enforce.mask import masked_type, masking
from exchange.connector.enforce.pseudonym import Pseudonymiser, scope_key
from exchange.errors import ConfigError, SourceFailed
from exchange.model.obligation import Mask, Nullify, Partial, Pseudonym, Redact, Round, Truncate

KEY = b"k" * 32


def masked(mask: Mask, values: pa.Array) -> list[object]:
    found = masking(mask, "c", KEY)(values)
    assert found.type == masked_type(mask, values.type)
    found.validate(full=True)
    listed: list[object] = found.to_pylist()
    return listed


def test_null_hides_everything() -> None:
    assert masked(Nullify(), pa.array([1, None])) == [None, None]


def test_redact_keeps_null_apart() -> None:
    assert masked(Redact(text="密"), pa.array([1, None])) == ["密", None]


def test_partial_counts_characters() -> None:
    names = pa.array(["王小明", "王明", "abc", "", None, "👩‍🚀x"])
    assert masked(Partial(first=1), names) == ["王**", "王*", "a**", "", None, "👩***"]
    assert masked(Partial(first=1, last=1), names) == ["王*明", "**", "a*c", "", None, "👩**x"]
    assert masked(Partial(), names.cast(pa.large_string())) == ["***", "**", "***", "", None, "****"]


class TestPseudonym:
    def test_is_the_hmac_it_says_it_is(self) -> None:
        message = len(b"c").to_bytes(8, "big") + b"c" + b"text:N14228"
        expected = hmac.digest(scope_key(KEY, "emergency"), message, "sha256").hex()[:32]
        assert masked(Pseudonym(scope="emergency"), pa.array(["N14228", None])) == [expected, None]

    def test_differs_by_scope_column_key_and_family(self) -> None:
        found = {
            Pseudonymiser(key, scope, column)(values)[0].as_py()
            for key in (KEY, b"j" * 32)
            for scope in ("a", "b")
            for column in ("c", "d")
            for values in (
                pa.array([1]),
                pa.array(["1"]),
                pa.array([1.0]),
                pa.array([b"1"]),
                pa.array([Decimal(1)]),
            )
        }
        assert len(found) == 40

    @pytest.mark.parametrize(
        "alike",
        [
            [pa.array([1], pa.int8()), pa.array([1], pa.uint64())],
            [pa.array(["x"]), pa.array(["x"], pa.large_string()), pa.array(["x"]).dictionary_encode()],
            [pa.array([Decimal("1.50")]), pa.array([Decimal("1.5")])],
            [pa.array([0.0]), pa.array([-0.0])],
            [pa.array([dt.date(1960, 1, 2)], pa.date32()), pa.array([dt.date(1960, 1, 2)], pa.date64())],
            [pa.array([-1], pa.timestamp("s")), pa.array([-1000], pa.timestamp("ms", "Asia/Shanghai"))],
            [pa.array([b"ab"], pa.binary(2)), pa.array([b"ab"], pa.large_binary())],
        ],
    )
    def test_is_equal_for_equal_values_however_they_are_stored(self, alike: list[pa.Array]) -> None:
        assert len({str(Pseudonymiser(KEY, "s", "c")(values)[0]) for values in alike}) == 1

    def test_remembers_a_bounded_number_of_values(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pseudonym, "CACHE_VALUES_MAX", 8)
        act = Pseudonymiser(KEY, "s", "c")
        first = act(pa.array(range(6)))
        act(pa.array(range(100, 106)))
        assert len(act._seen) <= 8
        assert act(pa.array(range(6))) == first

    def test_takes_the_last_seconds_of_time_without_overflow(self) -> None:
        assert masked(Pseudonym(scope="s"), pa.array([2**63 - 1, -(2**63)], pa.timestamp("s")))

    def test_refuses_a_short_key(self) -> None:
        with pytest.raises(ConfigError):
            scope_key(b"short", "s")


class TestTruncate:
    MOMENT = dt.datetime(1969, 12, 31, 17, 30, tzinfo=dt.UTC)

    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    @pytest.mark.parametrize(
        ("to", "expected"),
        [
            ("hour", dt.datetime(1969, 12, 31, 17, tzinfo=dt.UTC)),
            ("day", dt.datetime(1969, 12, 31, tzinfo=dt.UTC)),
            ("month", dt.datetime(1969, 12, 1, tzinfo=dt.UTC)),
            ("year", dt.datetime(1969, 1, 1, tzinfo=dt.UTC)),
        ],
    )
    def test_cuts_in_utc_before_1970_whatever_zone_it_is_shown_in(
        self, unit: str, to: str, expected: dt.datetime
    ) -> None:
        values = pa.array([self.MOMENT, None], pa.timestamp(unit, "Asia/Shanghai"))
        assert masked(Truncate.model_validate({"unit": to}), values) == [expected, None]

    @pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
    def test_cuts_dates(self, kind: pa.DataType) -> None:
        values = pa.array([dt.date(1969, 12, 31), None], kind)
        assert masked(Truncate(unit="hour"), values) == [dt.date(1969, 12, 31), None]
        assert masked(Truncate(unit="month"), values) == [dt.date(1969, 12, 1), None]

    def test_a_date64_with_a_time_of_day_loses_it(self) -> None:
        values = pa.array([5], pa.int64()).view(pa.date64())
        assert masking(Truncate(unit="hour"), "c", KEY)(values).view(pa.int64()).to_pylist() == [0]

    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    @pytest.mark.parametrize("to", ["hour", "day", "month", "year"])
    def test_never_moves_a_value_up_nor_keeps_a_finer_one(self, unit: str, to: str) -> None:
        edge = [-(2**63), -(2**63) + 1, 2**63 - 1, -1, 0, 1]
        values = pa.array(edge, pa.int64()).view(pa.timestamp(unit))
        found = masking(Truncate.model_validate({"unit": to}), "c", KEY)(values).view(pa.int64()).to_pylist()
        assert found[0] is None
        assert all(after is None or after <= before for before, after in zip(edge, found, strict=True))
        assert all(after is None or after % 3600 == 0 for after in found)


class TestRound:
    @pytest.mark.parametrize(
        "kind",
        [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()],
    )
    @pytest.mark.parametrize("step", [1, 7, 1000, 10**15])
    def test_floors_integers_and_nulls_what_does_not_fit(self, kind: pa.DataType, step: int) -> None:
        bits = kind.bit_width
        low, high = (
            (0, 2**bits - 1) if str(kind).startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        )
        values = sorted({low, low + 1, 0, 5, high - 1, high} | ({-1} if low else set()))
        expected = [floor if (floor := value // step * step) >= low else None for value in values]
        assert masked(Round(step=step), pa.array([*values, None], kind)) == [*expected, None]

    @pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
    def test_floors_floats_and_hides_what_is_no_number(self, kind: pa.DataType) -> None:
        values = pa.array([15.9, -0.5, -0.0, math.nan, math.inf, -math.inf, None], pa.float64()).cast(kind)
        found = masked(Round(step=10), values)
        assert found == [10.0, -10.0, 0.0, None, None, None, None]
        assert math.copysign(1, found[2]) == 1  # type: ignore[arg-type]

    def test_a_multiple_that_a_narrow_float_cannot_hold_is_null(self) -> None:
        assert masked(Round(step=10**15), pa.array([-1.0], pa.float64()).cast(pa.float16())) == [None]

    @pytest.mark.parametrize(
        ("kind", "value", "step", "expected"),
        [
            (pa.decimal128(5, 2), "-0.01", 10, Decimal("-10.00")),
            (pa.decimal128(5, 2), "999.99", 10, Decimal("990.00")),
            (pa.decimal128(5, 2), "-999.99", 1, None),
            (pa.decimal128(38, 38), "0.5", 1, Decimal(0)),
            (pa.decimal128(38, 0), "-" + "9" * 38, 10**15, None),
            (pa.decimal32(5, 2), "12.34", 5, Decimal("10.00")),
        ],
    )
    def test_floors_decimals(
        self, kind: pa.DataType, value: str, step: int, expected: Decimal | None
    ) -> None:
        assert masked(Round(step=step), pa.array([Decimal(value), None], kind)) == [expected, None]


@pytest.mark.parametrize(
    ("mask", "kind"),
    [
        (Partial(), pa.int64()),
        (Truncate(unit="day"), pa.string()),
        (Round(step=2), pa.date32()),
        (Round(step=2), pa.decimal256(60, 2)),
        (Pseudonym(scope="s"), pa.bool_()),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(mask: Mask, kind: pa.DataType) -> None:
    with pytest.raises(SourceFailed):
        masked_type(mask, kind)
