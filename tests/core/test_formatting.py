"""How numbers, amounts and texts are written."""

from __future__ import annotations

import math

import pytest

from genrun.core.formatting import (
    choose_column_decimals,
    format_amount,
    format_bytes,
    format_duration,
    format_energy,
    format_estimate,
    format_interval,
    format_log_row,
    format_metric,
    format_quantity,
    format_setting,
    format_tick,
    shorten,
)
from genrun.core.numbers import parse_number, to_plain


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"), (0.04231, "0.0423 s"), (41.96, "42 s"), (59.99, "1 min"),
        (61.0, "1 min 1 s"), (3599.6, "1 h"), (3725.0, "1 h 2 min"), (7.2e6, "2,000 h"),
    ],
)  # fmt: skip
def test_durations_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_amounts_have_three_digits_and_a_prefix() -> None:
    assert format_amount("flops", 3.21e12) == "3.21 TFLOPs"
    assert format_amount("steps", 2400) == "2,400 steps"
    assert format_amount("seconds", math.nan) == "-"
    assert format_quantity(999.9, "J") == "1 kJ"
    assert format_bytes(320_600_000) == "321 MB"
    assert (format_energy(1500.0), format_energy(7.2e6)) == ("1.5 kJ", "2 kWh")


def test_estimates_have_no_more_decimals_than_their_interval_supports() -> None:
    assert format_interval(172.83, 184.29) == "173 to 184"
    assert format_estimate(178.517, 172.83, 184.29) == "179"
    assert format_estimate(0.117754, 0.1016, 0.1339) == "0.12"
    assert format_estimate(178.517, None, None) == "178.52"
    assert format_interval(None, None) == "-"


def test_a_column_has_the_decimals_of_its_intervals() -> None:
    assert choose_column_decimals([(5.12, 5.11, 5.13), (120.0, 118.0, 122.0)]) == 2
    typical = [(10.0, 9.0, 11.0)] * 3
    assert choose_column_decimals([*typical, (10.0, 9.9999999, 10.0000001)]) == 2
    assert choose_column_decimals([(2.5e8, 1e8, 4e8), *typical]) == 0
    assert choose_column_decimals([(1e-9, 0.0, 2e-9), *typical]) is None
    assert choose_column_decimals([]) is None


def test_a_column_without_intervals_has_five_digits() -> None:
    assert choose_column_decimals([(178.517, None, None), (179.0, None, None)]) == 2


def test_metrics() -> None:
    texts = [format_metric(value) for value in (None, math.nan, math.inf, 2.0, 0.1234567)]
    assert texts == ["-", "-", "failed", "2", "0.12346"]


def test_rows_of_the_log_have_intervals_and_errors() -> None:
    row = {
        "step": 7, "a": 12.34567, "a_low": 11.0, "a_high": 13.0, "a_standard_error": 0.5,
        "b": 0.0312, "b_standard_error": 0.0004,
    }  # fmt: skip
    assert format_log_row(row) == {"step": "7", "a": "12.35 [11, 13]", "b": "0.0312 ± 0.0004"}


def test_settings_and_ticks_are_short() -> None:
    assert [format_setting(text) for text in ("0.001", "0.00012345678", "adam")] == [
        "0.001", "0.0001235", "adam",
    ]  # fmt: skip
    assert format_tick(2_500_000) == "2.5M"


def test_untrusted_text_is_one_short_line() -> None:
    assert shorten("a\nb\x1b", 20) == "a\\nb\\x1b"
    assert shorten("abcdef", 4) == "abc…"


def test_numbers_are_parsed_strictly() -> None:
    texts = ("1e-3", "01", "nan", "1e999", "", None)
    assert [parse_number(text) for text in texts] == [0.001, None, None, None, None, None]


def test_json_has_no_nan() -> None:
    assert to_plain({1: (math.nan, [math.inf, 2.0])}) == {"1": [None, [None, 2.0]]}
