"""A verdict on the terminal: sentences first, then tables, then what to beware of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from genrun.comparing.forms import (
    Aggregate,
    Pair,
    Quality,
    Standing,
    Tuning,
    Verdict,
    WorkloadVerdict,
)
from genrun.comparing.names import decimals_of, short_names, written
from genrun.comparing.table_texts import span, spent, time_text
from genrun.evidence.curve import AXES, Axis
from genrun.statistics.interval import Interval
from genrun.terminal.tables import print_line, print_table

MOST_SENTENCES = 30
MOST_ROWS = 30
TRIALS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
RATIOS = (1.0, 1.5, 2.0, 4.0)  # of the performance profile that are shown
AXIS_NAMES = {"steps": "steps", "seconds": "seconds", "examples": "examples", "flops": "FLOPs"}


def print_verdict(verdict: Verdict) -> None:
    """All of it. What is not shown for its length is counted."""
    for text in verdict.sentences[:MOST_SENTENCES]:
        print_line(text)
    _print_more(len(verdict.sentences) - MOST_SENTENCES)
    for workload in verdict.workloads:
        _print_workload(workload, verdict)
    if verdict.aggregate is not None:
        _print_aggregate(verdict.aggregate)
    for texts, mark in ((verdict.warnings, "warning: "), (verdict.notes, "note: ")):
        if texts:
            print_line("")
        for text in texts:
            print_line(mark + text)
    for folder, why in verdict.damaged.items():
        print_line(f"warning: damaged, so not counted: {folder}: {why}")


def _print_workload(workload: WorkloadVerdict, verdict: Verdict) -> None:
    before = f"{workload.label}: " if len(verdict.workloads) > 1 else ""
    judged = [one for one in workload.standings if one.at_end is not None]
    budget = workload.budget
    images = "test images" if workload.split == "test" else "held-out images"
    same = all(one.at_budget is None or _same(one.at_budget, one.at_end) for one in judged)
    where = "at the end" if budget is None or not verdict_budget(judged) else (
        f"at {budget.value:,.6g} {AXIS_NAMES[verdict.asked.budget]} ({budget.rule})"
    )  # fmt: skip
    title = f"{before}{workload.metric} on {images} {where}, lower is better"
    _print_qualities(judged, title, lambda one: one.at_budget or one.at_end)
    if budget is not None and same:
        print_line("at the end: the same")
    elif budget is not None:
        title = f"{before}{workload.metric} on {images} at the end of each run"
        _print_qualities(judged, title, lambda one: one.at_end)
    _print_pairs(workload.pairs, before)
    _print_times(judged, workload, before)
    if any(len(one.tuning.trials) > 1 for one in judged):
        _print_tuning(judged, verdict.asked.budget, before)


def verdict_budget(judged: Sequence[Standing]) -> bool:
    return any(one.at_budget is not None for one in judged)


def _print_qualities(
    judged: Sequence[Standing], title: str, of: Callable[[Standing], Quality | None]
) -> None:
    known = [(one, quality) for one in judged if (quality := of(one)) is not None]
    intervals = [each for _, found in known for each in (found.mean, found.interquartile_mean)]
    decimals = _decimals(intervals)
    rows = []
    for one, found in known:
        cells = [*_cells(found.mean, decimals), *_cells(found.interquartile_mean, decimals)]
        rows.append((one.name, *cells, found.seeds, found.failed or None, len(one.left) or None))
    _print_rows(
        title,
        ("contestant", "mean", "95 % interval", "IQM", "95 % interval ", "seeds",
         "failed", "left"),
        rows,
    )  # fmt: skip
    chosen = [one for one, _ in known if one.configuration != one.label]
    for one in chosen[:MOST_ROWS]:
        settings = " ".join(f"{key}={value}" for key, value in one.settings.items())
        print_line(f"{one.name}: best of {one.configurations} configurations: {settings}")


def _print_pairs(pairs: Sequence[Pair], before: str) -> None:
    if not pairs:
        return
    names = short_names(
        list(dict.fromkeys(x for pair in pairs for x in (pair.first, pair.second)))
    )
    decimals = _decimals([pair.difference for pair in pairs])
    rows = []
    for pair in pairs:
        found = pair.improvement
        chance = f"{found.value:.2f}"
        if found.low is not None and found.high is not None:
            chance += f" ({found.low:.2f} to {found.high:.2f})"
        adjusted = None if pair.adjusted is None else f"{pair.adjusted:.2g}"
        between = f"{names[pair.first]} - {names[pair.second]}"
        rows.append((between, *_cells(pair.difference, decimals), chance, adjusted))
    title = f"{before}pairs: how much lower the first is, and how often a run of it is"
    _print_rows(title, ("pair", "lower by", "95 % interval", "P(lower)", "p (Holm)"), rows)


def _print_times(judged: Sequence[Standing], workload: WorkloadVerdict, before: str) -> None:
    target = workload.target
    axes = [axis for axis in AXES if any(axis in one.times for one in judged)]
    if target is None or not axes:
        return
    rows = []
    for one in judged:
        first = next(iter(one.times.values()), None)
        reached = None if first is None else f"{first.reached} of {first.runs}"
        rows.append((one.name, reached, *(time_text(one.times.get(axis), axis) for axis in axes)))
    title = (
        f"{before}time to {workload.metric} of {target.value:.6g} on held-out images "
        f"({target.rule}); median over seeds, of training alone"
    )
    _print_rows(title, ("contestant", "reached", *(AXIS_NAMES[axis] for axis in axes)), rows)


def _print_tuning(judged: Sequence[Standing], axis: Axis, before: str) -> None:
    most = max(len(one.tuning.trials) for one in judged)
    shown = [count for count in TRIALS if count <= most]
    rows = []
    for one in judged:
        trials = one.tuning.trials
        cost = trials[-1].spent[axis] if trials else math.nan
        best = _bests(one.tuning)
        cells = [best[count - 1] if count <= len(best) else None for count in shown]
        found = [None if value is None or math.isinf(value) else f"{value:.5g}" for value in cells]
        cells_shown = [
            "failed" if c is not None and math.isinf(c) else f
            for c, f in zip(cells, found, strict=True)
        ]
        rows.append((one.name, len(trials), one.tuning.sampling, spent(cost, axis), *cells_shown))
    title = (
        f"{before}tuning: the best held-out value of n trials; expected where trials were at "
        "random, else in the order run"
    )
    columns = [f"n={count}" for count in shown]
    _print_rows(title, ("contestant", "trials", "chosen", AXIS_NAMES[axis], *columns), rows)


def _print_aggregate(aggregate: Aggregate) -> None:
    decimals = 3
    scored = any(one.score is not None for one in aggregate.standings)
    rows = []
    for one in aggregate.standings:
        cells = [*_cells(one.mean, decimals), *_cells(one.interquartile_mean, decimals)]
        score = [None if one.score is None else f"{one.score:.3f}"] if scored else []
        profile = _profile(aggregate, one.reached) if scored else []
        rows.append((one.name, *cells, *score, *profile))
    title = f"over {len(aggregate.workloads)} workloads; {aggregate.normalization}"
    columns = ["contestant", "mean", "95 % interval", "IQM", "95 % interval "]
    if scored:
        columns += ["AlgoPerf score", *(f"r<={ratio:g}" for ratio in RATIOS)]
    _print_rows(title, columns, rows)
    names = {one.label: one.name for one in aggregate.standings}
    for pair in aggregate.pairs[:MOST_ROWS]:
        found = pair.improvement
        within = span(found.low, found.high, 2)
        print_line(
            f"a run of {names[pair.first]} is lower than one of {names[pair.second]} with "
            f"probability {found.value:.2f}{within}"
        )


def _profile(aggregate: Aggregate, reached: Sequence[float] | None) -> list[str | None]:
    if reached is None:
        return [None] * len(RATIOS)
    return [f"{reached[aggregate.ratios.index(ratio)]:.2f}" for ratio in RATIOS]


def _bests(tuning: Tuning) -> list[float]:
    if tuning.expected_best is not None:
        return tuning.expected_best
    return [trial.best_so_far for trial in tuning.trials]


def _print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Without columns that are all empty."""
    if not rows:
        return
    kept = [place for place in range(len(columns)) if any(row[place] is not None for row in rows)]
    shown = [[row[place] for place in kept] for row in rows[:MOST_ROWS]]
    names = [columns[place] for place in kept]
    print_line("")
    print_table(names, shown, title=title, numbers=names[1:])
    _print_more(len(rows) - MOST_ROWS)


def _print_more(number: int) -> None:
    if number > 0:
        print_line(f"and {number} more; out=FILE.json has all")


def _decimals(intervals: Sequence[Interval]) -> int | None:
    found = [decimals_of(one.value, one.low, one.high) for one in intervals]
    known = [decimals for decimals in found if decimals is not None]
    return max(known) if len(known) == len(found) and known else None


def _cells(interval: Interval, decimals: int | None) -> list[str | None]:
    value, low, high = written([interval.value, interval.low, interval.high], decimals)
    if math.isinf(interval.value):
        return ["failed", None]
    return [value, None if interval.low is None else f"{low} to {high}"]


def _same(one: Quality, other: Quality | None) -> bool:
    return other is not None and dict(one.values) == dict(other.values)
