"""The contestants of a workload, best first: mean, interval and seeds on one scale."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from genrun.comparison.verdict import ContestantResult, Quality
from genrun.core.formatting import (
    MISSING,
    choose_column_decimals,
    format_amount,
    format_estimate,
    format_interval,
    format_setting,
    format_tick,
)
from genrun.core.plotting import Scale, fit_scale
from genrun.report.charts.svg import format_percent
from genrun.report.contestants import PageWorkload
from genrun.results.curve import Axis

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
    mean: str
    low: str
    high: str
    seeds: list[str]
    cells: list[str]


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
    standings = workload.verdict.standings[:MOST_ROWS]
    scale = _scale([one.at_end for one in standings if one.at_end is not None])
    styles = {one.contestant: one.style for one in workload.configurations}
    means = [one.at_end.mean for one in standings if one.at_end is not None]
    places = choose_column_decimals((mean.value, mean.low, mean.high) for mean in means)
    budgeted = _is_budgeted(standings)
    timed = any(one.times for one in standings)
    columns = ["mean", "95 % interval", "interquartile mean", "seeds", "failed"]
    columns += [f"at equal {axis}"] if budgeted else []
    columns += ["time to target"] if timed else []
    return Ranking(
        title=f"{workload.label}: {workload.metric_label}",
        low=format_tick(scale.low),
        high=format_tick(scale.high),
        columns=columns,
        rows=[
            _row(one, styles.get(one.label), scale, places, budgeted, timed) for one in standings
        ],
        note=_note(workload, budgeted, timed),
    )


def _note(workload: PageWorkload, budgeted: bool, timed: bool) -> str:
    verdict = workload.verdict
    text = f"Judged by {verdict.judged}; lower is better. Small dots are seeds."
    values = _values([one.at_end for one in verdict.standings if one.at_end is not None])
    if len(_near(values)) < len(values):
        text += " Values far beyond all others are drawn at the edge."
    if budgeted and verdict.budget is not None:
        text += f" Equal budget: {verdict.budget.value:g}, {verdict.budget.rule}."
    if timed and verdict.target is not None:
        text += f" Target: {verdict.target.value:g}, {verdict.target.rule}; median over seeds."
    hidden = len(verdict.standings) - MOST_ROWS
    return text + (f" {hidden} more contestants are in the table below." if hidden > 0 else "")


def _is_budgeted(standings: Sequence[ContestantResult]) -> bool:
    """Whether a contestant's mean at equal budget differs from that at the end."""
    return any(
        one.at_budget is not None
        and one.at_end is not None
        and one.at_budget.mean.value != one.at_end.mean.value
        for one in standings
    )


def _scale(qualities: Sequence[Quality]) -> Scale:
    sound = [one for one in qualities if one.failed < one.seeds]
    values = _near([*_values(qualities), *(one.mean.value for one in sound)])
    near = [one.mean for one in sound if one.mean.value in values]
    ends = [end for mean in near for end in (mean.low, mean.high) if end is not None]
    return fit_scale(values, ends, log=False, margin=0.04, beyond=BEYOND)


def _values(qualities: Sequence[Quality]) -> list[float]:
    """The finite values of all seeds."""
    return [v for one in qualities for v in one.values.values() if math.isfinite(v)]


def _near(values: Sequence[float]) -> list[float]:
    """The values without extreme outliers, which would make all others look alike."""
    if len(values) < 4:
        return list(values)
    low, _, high = statistics.quantiles(values, n=4)
    far = FAR * (high - low)
    return [v for v in values if far == 0 or low - far <= v <= high + far]


def _row(
    standing: ContestantResult,
    style: int | None,
    scale: Scale,
    places: int | None,
    budgeted: bool,
    timed: bool,
) -> RankingRow:
    quality = standing.at_end
    detail = " ".join(f"{key}={format_setting(text)}" for key, text in standing.settings.items())
    if standing.configurations > 1:
        detail = f"{detail or standing.configuration}, best of {standing.configurations}"
    if quality is None:
        cells = [MISSING] * (5 + budgeted + timed)
        return RankingRow(
            standing.name, detail, style, f"{standing.name}: no value", "", "", "", [], cells
        )
    mean = quality.mean
    value = format_estimate(mean.value, mean.low, mean.high, places)
    interval = format_interval(mean.low, mean.high, places)
    if quality.failed == quality.seeds:
        tail = [MISSING] * (budgeted + timed)
        failed = [*["failed", *[MISSING] * 2], *[str(quality.seeds)] * 2, *tail]
        description = f"{standing.name}: failed in all its runs"
        return RankingRow(standing.name, detail, style, description, "", "", "", [], failed)
    middle = quality.interquartile_mean
    cells = [
        value,
        interval,
        format_estimate(middle.value, middle.low, middle.high, places),
        str(quality.seeds),
        str(quality.failed) if quality.failed else MISSING,
        *([_at_budget(standing, places)] if budgeted else []),
        *([_time(standing)] if timed else []),
    ]
    bounded = mean.low is not None and mean.high is not None
    return RankingRow(
        name=standing.name,
        detail=detail,
        style=style,
        description=f"{standing.name}: mean {value}, 95 % interval {interval}",
        mean=_place(scale, mean.value) if math.isfinite(mean.value) else "",
        low=_place(scale, mean.low) if bounded and mean.low is not None else "",
        high=_place(scale, mean.high) if bounded and mean.high is not None else "",
        seeds=[_place(scale, v) for v in quality.values.values() if math.isfinite(v)],
        cells=cells,
    )


def _place(scale: Scale, value: float) -> str:
    return format_percent(min(max(scale.at(value), 0.0), 1.0))


def _at_budget(standing: ContestantResult, places: int | None) -> str:
    if standing.at_budget is None:
        return MISSING
    mean = standing.at_budget.mean
    return format_estimate(mean.value, mean.low, mean.high, places)


def _time(standing: ContestantResult) -> str:
    """In steps and seconds, and how many runs reached the target if not all did."""
    texts = []
    for axis in TARGET_AXES:
        found = standing.times.get(axis)
        if found is not None and math.isfinite(found.median):
            texts.append(format_amount(axis, found.median))
    steps = standing.times.get("steps")
    if steps is not None and steps.reached < steps.runs:
        texts.append(f"reached by {steps.reached} of {steps.runs}")
    return ", ".join(texts) or "missed"
