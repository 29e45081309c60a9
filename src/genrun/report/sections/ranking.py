"""The contestants of a workload, best first: mean, interval and seeds on one scale."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from genrun.comparison.verdict import ContestantResult, Quality
from genrun.core.formatting import (
    FAILED,
    MISSING,
    choose_column_decimals,
    format_amount,
    format_estimate,
    format_interval,
    format_metric,
    format_setting,
    format_tick,
)
from genrun.core.plotting import Scale, fit_scale
from genrun.report.charts.svg import format_percent
from genrun.report.contestants import PageWorkload
from genrun.results.curve import Axis
from genrun.statistics.interval import Interval

MOST_ROWS = 24
BEYOND = 3.0  # of the values' range that intervals may add on each side
FAR = 50.0  # interquartile ranges, beyond which a value is an outlier
TARGET_AXES: tuple[Axis, ...] = ("steps", "seconds")  # in which the time to the target is written


@dataclass(frozen=True)
class RankingRow:
    """A contestant; positions are percentages of the scale, empty if there is no value."""

    name: str
    detail: str
    style: int | None
    description: str  # for screen readers
    cells: list[str]
    mean: str = ""
    low: str = ""
    high: str = ""
    seeds: Sequence[str] = ()


@dataclass(frozen=True)
class Ranking:
    """The table of one workload."""

    title: str
    low: str
    high: str
    columns: list[str]
    rows: list[RankingRow]
    note: str


def build_ranking(workload: PageWorkload, axis: str) -> Ranking:
    """Means at the end of the runs, and at equal budget and times to target if there are any."""
    results = workload.verdict.standings[:MOST_ROWS]
    scale = _scale([one.at_end for one in results if one.at_end is not None])
    styles = {one.contestant: one.style for one in workload.configurations}
    means = [one.at_end.mean for one in results if one.at_end is not None]
    decimals = choose_column_decimals((mean.value, mean.low, mean.high) for mean in means)
    budgeted = _is_budgeted(results)
    timed = any(one.times for one in results)
    columns = ["mean", "95 % interval", "interquartile mean", "seeds", "failed"]
    columns += [f"at equal {axis}"] if budgeted else []
    columns += ["time to target"] if timed else []
    return Ranking(
        title=f"{workload.label}: {workload.metric_label}",
        low=format_tick(scale.low),
        high=format_tick(scale.high),
        columns=columns,
        rows=[
            _row(one, styles.get(one.label), scale, decimals, budgeted, timed) for one in results
        ],
        note=_note(workload, axis, budgeted, timed),
    )


def _note(workload: PageWorkload, axis: str, budgeted: bool, timed: bool) -> str:
    verdict = workload.verdict
    text = f"Judged by {verdict.judged}; lower is better. Small dots are seeds."
    values = _seed_values([one.at_end for one in verdict.standings if one.at_end is not None])
    if len(_without_outliers(values)) < len(values):
        text += " Values far beyond all others are drawn at the edge."
    if budgeted and verdict.budget is not None:
        text += (
            f" Equal budget: {format_amount(axis, verdict.budget.value)}, {verdict.budget.rule}."
        )
    if timed and verdict.target is not None:
        target = f"{format_metric(verdict.target.value)}, {verdict.target.rule}"
        text += f" Target: {target}; median over seeds."
    omitted = len(verdict.standings) - MOST_ROWS
    return text + (f" {omitted} more contestants are in the table below." if omitted > 0 else "")


def _is_budgeted(results: Sequence[ContestantResult]) -> bool:
    """Whether a contestant's mean at equal budget differs from that at the end."""
    return any(
        one.at_budget is not None
        and one.at_end is not None
        and one.at_budget.mean.value != one.at_end.mean.value
        for one in results
    )


def _scale(qualities: Sequence[Quality]) -> Scale:
    measured = [one for one in qualities if one.failed < one.seeds]
    values = _without_outliers([*_seed_values(qualities), *(one.mean.value for one in measured)])
    means = [one.mean for one in measured if one.mean.value in values]
    ends = [end for mean in means for end in (mean.low, mean.high) if end is not None]
    return fit_scale(values, ends, log=False, margin=0.04, beyond=BEYOND)


def _seed_values(qualities: Sequence[Quality]) -> list[float]:
    """The finite values of all seeds."""
    return [v for one in qualities for v in one.values.values() if math.isfinite(v)]


def _without_outliers(values: Sequence[float]) -> list[float]:
    """The values without extreme outliers, which would make all others look alike."""
    if len(values) < 4:
        return list(values)
    low, _, high = statistics.quantiles(values, n=4)
    far = FAR * (high - low)
    return [v for v in values if far == 0 or low - far <= v <= high + far]


def _row(
    result: ContestantResult,
    style: int | None,
    scale: Scale,
    decimals: int | None,
    budgeted: bool,
    timed: bool,
) -> RankingRow:
    detail = " ".join(f"{key}={format_setting(text)}" for key, text in result.settings.items())
    if result.configurations > 1:
        detail = f"{detail or result.configuration}, best of {result.configurations}"
    quality, optional = result.at_end, [MISSING] * (budgeted + timed)
    if quality is None:
        cells = [MISSING] * 5 + optional
        return RankingRow(result.name, detail, style, f"{result.name}: no value", cells)
    seeds = str(quality.seeds)
    if quality.failed == quality.seeds:
        cells = [FAILED, MISSING, MISSING, seeds, seeds, *optional]
        description = f"{result.name}: failed in all its runs"
        return RankingRow(result.name, detail, style, description, cells)
    mean = quality.mean
    value = _estimate(mean, decimals)
    interval = format_interval(mean.low, mean.high, decimals)
    cells = [
        value,
        interval,
        _estimate(quality.interquartile_mean, decimals),
        seeds,
        str(quality.failed) if quality.failed else MISSING,
        *([_at_budget(result, decimals)] if budgeted else []),
        *([_time(result)] if timed else []),
    ]
    return RankingRow(
        name=result.name,
        detail=detail,
        style=style,
        description=f"{result.name}: mean {value}, 95 % interval {interval}",
        cells=cells,
        mean=_position(scale, mean.value),
        low=_position(scale, mean.low),
        high=_position(scale, mean.high),
        seeds=[_position(scale, v) for v in quality.values.values() if math.isfinite(v)],
    )


def _estimate(mean: Interval, decimals: int | None) -> str:
    return format_estimate(mean.value, mean.low, mean.high, decimals)


def _position(scale: Scale, value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return format_percent(min(max(scale.at(value), 0.0), 1.0))


def _at_budget(result: ContestantResult, decimals: int | None) -> str:
    return MISSING if result.at_budget is None else _estimate(result.at_budget.mean, decimals)


def _time(result: ContestantResult) -> str:
    """In steps and seconds, and how many runs reached the target if not all did."""
    texts = []
    for axis in TARGET_AXES:
        found = result.times.get(axis)
        if found is not None and math.isfinite(found.median):
            texts.append(format_amount(axis, found.median))
    steps = result.times.get("steps")
    if steps is not None and steps.reached < steps.runs:
        texts.append(f"reached by {steps.reached} of {steps.runs}")
    return ", ".join(texts) or "missed"
