"""Scales and their ticks, which all pictures share."""

from __future__ import annotations

import math

import pytest

from genrun.core.plotting import Scale, drop_overlapping, fit_scale, make_scale


def test_places_on_a_scale() -> None:
    assert Scale(10.0, 20.0, False).at(12.5) == 0.25
    assert Scale(1e-4, 1e-2, True).at(1e-3) == pytest.approx(0.5)
    assert Scale(1e-4, 1e-2, True).at(0.0) == -math.inf


@pytest.mark.parametrize(
    ("scale", "most", "texts"),
    [
        (Scale(0.0, 100.0, False), 6, ["0", "20", "40", "60", "80", "100"]),
        (Scale(171.0, 206.0, False), 4, ["180", "190", "200"]),
        (Scale(1e-5, 1e-1, True), 6, ["1e-05", "0.0001", "0.001", "0.01", "0.1"]),
        (Scale(1e-3, 5e-3, True), 6, ["0.001", "0.002", "0.005"]),
        (Scale(0.0, 2e6, False), 5, ["0", "500k", "1M", "1.5M", "2M"]),
    ],
)
def test_ticks_are_round(scale: Scale, most: int, texts: list[str]) -> None:
    assert [tick.text for tick in scale.ticks(most)] == texts


def test_ticks_of_trials_are_whole() -> None:
    assert [tick.text for tick in Scale(1.0, 2.0, False).ticks(6, integers=True)] == ["1", "2"]


@pytest.mark.parametrize("values", [[], [3.0], [0.0], [1e308, -1e308], [math.inf, 2.0], [5e-324]])
@pytest.mark.parametrize("log", [False, True])
def test_any_values_have_a_scale_with_ticks(values: list[float], log: bool) -> None:
    scale = make_scale(values, log, margin=0.05)
    assert all(math.isfinite(tick.at) for tick in scale.ticks(6))
    assert len(scale.ticks(6)) <= 7


@pytest.mark.parametrize("extent", [0.013, 0.99, 1.0, 2.65, 5.375, 8.9, 99.0, 1e20])
def test_ticks_of_symmetric_axes_are_few_round_and_symmetric(extent: float) -> None:
    values = [tick.value for tick in Scale(-extent, extent, False).ticks(9)]
    assert 3 <= len(values) <= 9
    assert max(values) <= extent
    assert min(values) == -max(values)
    assert f"{values[-1] - values[-2]:e}"[0] in "125"


def test_ticks_that_are_near_each_other_have_different_texts() -> None:
    ticks = Scale(123456.0, 123458.0, False).ticks(5)
    assert [tick.text for tick in ticks] == [
        "123.456k", "123.4565k", "123.457k", "123.4575k", "123.458k",
    ]  # fmt: skip


def test_ends_of_intervals_add_as_much_as_leaves_the_values_readable() -> None:
    scale = fit_scale([10.0, 20.0, math.inf], [-1e9, 25.0])
    assert (scale.low, scale.high, scale.log) == (0.0, 25.0, False)
    assert fit_scale([1.0, 30.0], []).log
    assert not fit_scale([1.0, 30.0], [], log=False).log


def test_padding_is_a_fraction_of_the_axis() -> None:
    linear, log = Scale(0.0, 10.0, False).pad(0.1, 0.2), Scale(1.0, 100.0, True).pad(0.5, 0.0)
    assert (linear.low, linear.high) == (-1.0, 12.0)
    assert (log.low, log.high) == pytest.approx((0.1, 100.0))


def test_overlapping_ticks_are_left_out_from_the_left() -> None:
    ticks = Scale(0.0, 1.0, False).name([0.0, 0.01, 0.5])
    assert [tick.text for tick in drop_overlapping(ticks)] == ["0", "0.5"]
