"""The table of configurations, and the table of failures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from genrun.core.formatting import (
    FAILED,
    MISSING,
    choose_column_decimals,
    format_amount,
    format_estimate,
    format_interval,
    format_setting,
    shorten,
)
from genrun.report.contestants import PageConfiguration, PageWorkload
from genrun.report.sections.pareto_front import mean_amount
from genrun.report.tables import Cell, PageTable, number_cell
from genrun.results.differences import differing_settings
from genrun.results.record import RunRecord

MOST_ROWS = 300
MOST_COLUMNS = 8  # of settings
LONGEST_REASON, LONGEST_SETTING = 300, 80  # characters


def build_configuration_table(workload: PageWorkload, titled: bool) -> PageTable:
    """Best first: the settings that differ, the mean with its interval, seeds, status, cost."""
    keys = differing_settings(workload.grouped.records)[:MOST_COLUMNS]
    listed = workload.configurations[:MOST_ROWS]
    omitted = len(workload.configurations) - len(listed)
    note = (
        f"Mean of each run's best {workload.metric} on held-out images, with its 95 % interval; "
        "lower is better."
    )
    if omitted:
        note += f" {omitted} more configurations are not listed."
    means = [one.mean for one in listed if one.mean and not one.all_failed]
    decimals = choose_column_decimals((mean.value, mean.low, mean.high) for mean in means)
    costs = ("training a run", "FLOPs a run")
    return PageTable(
        columns=["configuration", *keys, "mean", "95 % interval", "seeds", "runs", *costs],
        rows=[_row(configuration, keys, decimals) for configuration in listed],
        title=workload.label if titled else "",
        note=note,
    )


def build_failure_table(workloads: Sequence[PageWorkload]) -> PageTable:
    """Every run that failed or was pruned, with its reason."""
    rows = [
        [
            Cell(configuration.name),
            number_cell(str(run.seed), run.seed),
            Cell(_status(run)),
            _last_step(run),
            Cell(shorten(run.reason, LONGEST_REASON)),
            Cell(shorten(run.name, LONGEST_REASON)),
        ]
        for workload in workloads
        for configuration in workload.configurations
        for run in configuration.runs
        if run.failed or run.pruned
    ]
    omitted = len(rows) - MOST_ROWS
    return PageTable(
        columns=("configuration", "seed", "status", "last evaluation", "reason", "run"),
        rows=rows[:MOST_ROWS],
        note=f"{omitted} more are not listed." if omitted > 0 else "",
    )


def _row(
    configuration: PageConfiguration, keys: Sequence[str], decimals: int | None
) -> list[Cell]:
    settings = configuration.runs[0].settings
    has_mean = not configuration.all_pruned and not configuration.all_failed
    mean = configuration.mean if has_mean else None
    seconds, flops = (mean_amount(configuration, axis) for axis in ("seconds", "flops"))
    low, high = (None, None) if mean is None else (mean.low, mean.high)
    value = None if mean is None else mean.value
    text = FAILED if configuration.all_failed else format_estimate(value, low, high, decimals)
    return [
        Cell(configuration.name),
        *(_setting(settings.get(key)) for key in keys),
        number_cell(text, value),
        number_cell(format_interval(low, high, decimals), low),
        _seeds(configuration),
        _statuses(configuration),
        number_cell(format_amount("seconds", seconds), seconds),
        number_cell(format_amount("flops", flops), flops),
    ]


def _setting(text: str | None) -> Cell:
    if text is None:
        return number_cell(MISSING, None)
    try:
        value = float(text)
    except ValueError:
        return Cell(shorten(text, LONGEST_SETTING))
    return number_cell(format_setting(text), value)


def _seeds(configuration: PageConfiguration) -> Cell:
    seeds = sorted({run.seed for run in configuration.runs if not run.left})
    return number_cell(f"{len(seeds)}: {_ranges(seeds)}" if seeds else MISSING, len(seeds))


def _ranges(seeds: Sequence[int]) -> str:
    """Sorted numbers, consecutive ones as a range."""
    ranges: list[list[int]] = []
    for seed in seeds:
        if ranges and seed == ranges[-1][1] + 1:
            ranges[-1][1] = seed
        else:
            ranges.append([seed, seed])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in ranges)  # noqa: RUF001  # typography


def _statuses(configuration: PageConfiguration) -> Cell:
    counts = Counter(map(_status, configuration.runs))
    text = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts.items())
    return Cell(text, sum(run.failed for run in configuration.runs), number=True)


def _status(run: RunRecord) -> str:
    return "pruned" if run.pruned else run.status


def _last_step(run: RunRecord) -> Cell:
    steps = run.curve.total("steps")
    return number_cell(f"step {steps:,.0f}" if math.isfinite(steps) else MISSING, steps)
