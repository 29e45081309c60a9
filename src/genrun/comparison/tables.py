"""A verdict on the terminal: sentences, then tables, then warnings and notes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genrun.comparison.naming import short_names
from genrun.comparison.verdict import (
    Aggregate,
    ContestantResult,
    Pair,
    Quality,
    Threshold,
    TimeToTarget,
    Tuning,
    Verdict,
    WorkloadVerdict,
)
from genrun.core.formatting import (
    AXIS_NAMES,
    FAILED,
    choose_column_decimals,
    format_amount,
    format_fixed,
    format_interval,
    format_metric,
    format_plain_amount,
    format_setting,
)
from genrun.results.curve import AXES, Axis
from genrun.statistics.interval import Interval
from genrun.terminal.tables import print_line, print_paragraph, print_wide_table

MOST_SENTENCES = 30
MOST_ROWS = 30
MORE = "and {} more; out=FILE.json has all"
TRIALS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # of tuning, that have a column
RATIOS = (1.0, 1.5, 2.0, 3.0, 4.0)  # of the performance profile, that have a column
MEANS = ("mean", "95 % interval", "IQM", "95 % interval of IQM")
OF_SCORES = 3  # decimals


def print_verdict(verdict: Verdict) -> None:
    """Prints a verdict; long lists are cut, with a count of what is left out."""
    for text in verdict.sentences[:MOST_SENTENCES]:
        print_paragraph(text)
    _print_more(len(verdict.sentences) - MOST_SENTENCES)
    for workload in verdict.workloads:
        _print_workload(workload, verdict)
    if verdict.aggregate is not None:
        _print_table(overall_table(verdict.aggregate))
        _print_table(profile_table(verdict.aggregate, verdict.asked.budget))
    damaged = [
        f"damaged, so not counted: {place}: {why}" for place, why in verdict.damaged.items()
    ]
    for texts, mark in (([*verdict.warnings, *damaged], "warning"), (verdict.notes, "note")):
        if texts:
            print_line("")
        for text in texts[:MOST_SENTENCES]:
            print_paragraph(f"{mark}: {text}")
        _print_more(len(texts) - MOST_SENTENCES)


def _print_workload(workload: WorkloadVerdict, verdict: Verdict) -> None:
    before = f"{workload.label}: " if len(verdict.workloads) > 1 else ""
    judged = [one for one in workload.standings if one.at_end is not None]
    axis, budget = verdict.asked.budget, workload.budget
    bounded = {one.label: one.at_budget for one in judged if one.at_budget is not None}
    ended = {one.label: one.at_end for one in judged if one.at_end is not None}
    title = f"{before}{workload.metric} on {_images(workload)}, lower is better"
    if budget is not None and bounded:
        at = f"at {format_amount(axis, budget.value)}: {budget.rule}"
        _print_table(quality_table(judged, bounded, f"{title}; {at}"))
    if bounded and all(_same(bounded.get(label), ended[label]) for label in ended):
        print_line("at the end of the runs: the same")
    else:
        _print_table(quality_table(judged, ended, f"{title}; at the end of the runs"))
    for one in judged[:MOST_ROWS]:
        if one.configurations > 1:
            _print_choice(one)
    _print_table(pair_table(workload.pairs, before))
    if workload.target is not None:
        _print_table(time_table(judged, workload, workload.target, before))
    if any(len(one.tuning.trials) > 1 for one in judged):
        _print_table(tuning_table(judged, axis, before))


def _print_choice(standing: ContestantResult) -> None:
    settings = " ".join(
        f"{key}={format_setting(value)}" for key, value in standing.settings.items()
    )
    print_paragraph(
        f"{standing.name}: the best of {standing.configurations} configurations, {settings}"
    )


def _print_table(table: Table) -> None:
    if table.rows:
        print_line("")
        print_paragraph(table.title)
        print_wide_table(table.columns, table.rows[:MOST_ROWS])
        _print_more(len(table.rows) - MOST_ROWS)


def _print_more(number: int) -> None:
    if number > 0:
        print_line(MORE.format(number))


def _images(workload: WorkloadVerdict) -> str:
    return "test images" if workload.split == "test" else "held-out images"


def _same(one: Quality | None, other: Quality) -> bool:
    return one is not None and one.values == other.values


@dataclass(frozen=True)
class Table:
    """Texts by row. Columns that are empty in all rows are not printed."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | None]]


def quality_table(
    judged: Sequence[ContestantResult], qualities: Mapping[str, Quality], title: str
) -> Table:
    """`qualities` by label."""
    known = [(one, qualities[one.label]) for one in judged if one.label in qualities]
    decimals = choose_column_decimals(
        _numbers(interval) for _, one in known for interval in (one.mean, one.interquartile_mean)
    )
    rows = [
        [one.name, *_means(found.mean, found.interquartile_mean, decimals), str(found.seeds),
         _count(found.failed), _count(len(one.left))]
        for one, found in known
    ]  # fmt: skip
    return Table(title, ("contestant", *MEANS, "seeds", "failed", "left"), rows)


def pair_table(pairs: Sequence[Pair], before: str) -> Table:
    names = short_names(list(dict.fromkeys(x for p in pairs for x in (p.first, p.second))))
    decimals = choose_column_decimals(_numbers(pair.difference) for pair in pairs)
    rows = []
    for pair in pairs:
        chance, between = _cells(pair.improvement, 2)
        adjusted = None if pair.adjusted is None else f"{pair.adjusted:.2g}"
        named = f"{names[pair.first]} - {names[pair.second]}"
        rows.append([named, *_cells(pair.difference, decimals), chance, between, adjusted])
    columns = ("pair", "lower by", "95 % interval", "P(lower)", "its interval", "p (Holm)")
    title = f"{before}by how much the first of a pair is lower, and how often a run of it is"
    return Table(title, columns, rows)


def time_table(
    judged: Sequence[ContestantResult], workload: WorkloadVerdict, target: Threshold, before: str
) -> Table:
    rows = []
    for one in judged:
        first = next(iter(one.times.values()), None)
        reached = None if first is None else f"{first.reached} of {first.runs}"
        rows.append([one.name, reached, *(_time(one.times.get(axis), axis) for axis in AXES)])
    title = (
        f"{before}training until {workload.metric} on held-out images is "
        f"{format_metric(target.value)}, {target.rule}; median over seeds"
    )
    return Table(title, ("contestant", "reached", *(AXIS_NAMES[axis] for axis in AXES)), rows)


def tuning_table(judged: Sequence[ContestantResult], axis: Axis, before: str) -> Table:
    numbers = {len(one.tuning.trials) for one in judged if one.tuning.trials}
    shown = sorted({count for count in TRIALS if count <= max(numbers)} | numbers)
    wholes = [one.tuning.trials[-1].spent[axis] for one in judged if one.tuning.trials]
    least = min((whole for whole in wholes if not math.isnan(whole)), default=math.nan)
    rows = []
    for one in judged:
        trials, bests = one.tuning.trials, _bests(one.tuning)
        whole = trials[-1].spent[axis] if trials else math.nan
        cells = [
            format_metric(bests[count - 1]) if count <= len(bests) else None for count in shown
        ]
        within = [trial.best_so_far for trial in trials if trial.spent[axis] <= least]
        at_least = format_metric(within[-1]) if within else None
        rows.append(
            [one.name, str(len(trials)), one.tuning.sampling, *cells, spent(whole, axis), at_least]
        )
    columns = ["contestant", "trials", "chosen", *(f"n={count}" for count in shown)]
    columns += [AXIS_NAMES[axis], f"best within {spent(least, axis)}"]
    title = (
        f"{before}tuning: the best held-out value of n trials, expected where they were at "
        f"random, else of the first n; {AXIS_NAMES[axis]} of all trials, and the best within the "
        "fewest"
    )
    return Table(title, columns, rows)


def overall_table(aggregate: Aggregate) -> Table:
    rows = [
        [one.name, *_means(one.mean, one.interquartile_mean, OF_SCORES)]
        for one in aggregate.standings
    ]
    title = f"over {len(aggregate.workloads)} workloads: {aggregate.normalization}"
    return Table(title, ("contestant", *MEANS), rows)


def profile_table(aggregate: Aggregate, axis: Axis) -> Table:
    """AlgoPerf's score and performance profile; no rows without targets."""
    rows = [
        [one.name, f"{one.score:.3f}",
         *(f"{one.reached[aggregate.ratios.index(ratio)]:.2f}" for ratio in RATIOS)]
        for one in aggregate.standings
        if one.score is not None and one.reached is not None
    ]  # fmt: skip
    title = (
        f"over {len(aggregate.workloads)} workloads: AlgoPerf's score of time to target in "
        f"{AXIS_NAMES[axis]}, and the share of workloads within r times the best time"
    )
    return Table(title, ("contestant", "score", *(f"r={ratio:g}" for ratio in RATIOS)), rows)


def spent(amount: float, axis: Axis) -> str | None:
    """None if it is not known."""
    if math.isnan(amount):
        return None
    return format_plain_amount(axis, amount)


def _time(time: TimeToTarget | None, axis: Axis) -> str | None:
    if time is None:
        return None
    return "missed" if time.missed else spent(time.median, axis)


def _bests(tuning: Tuning) -> list[float]:
    if tuning.expected_best is not None:
        return tuning.expected_best
    return [trial.best_so_far for trial in tuning.trials]


def _count(number: int) -> str | None:
    return str(number) if number else None


def _means(mean: Interval, middle: Interval, decimals: int | None) -> list[str | None]:
    return [*_cells(mean, decimals), *_cells(middle, decimals)]


def _cells(interval: Interval, decimals: int | None) -> list[str | None]:
    if math.isinf(interval.value):
        return [FAILED, None]
    (value,) = format_fixed([interval.value], decimals)
    bounds = format_interval(interval.low, interval.high, decimals)
    return [value, None if interval.low is None else bounds]


def _numbers(interval: Interval) -> tuple[float, float | None, float | None]:
    return interval.value, interval.low, interval.high
