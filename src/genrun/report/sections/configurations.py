"""The table of configurations, and the one of failures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from genrun.core.formatting import (
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

MOST_ROWS = 300
MOST_COLUMNS = 8  # of settings
LONGEST_REASON, LONGEST_SETTING = 300, 80  # characters


def build_configuration_table(workload: PageWorkload, titled: bool) -> PageTable:
    """Best first: what differs, the mean with its interval, seeds, how its runs ended."""
    keys = differing_settings(workload.grouped.records)[:MOST_COLUMNS]
    shown = workload.configurations[:MOST_ROWS]
    hidden = len(workload.configurations) - len(shown)
    note = (
        f"Mean of each run's best {workload.metric} on held-out images, with its 95 % interval; "
        "lower is better."
    )
    if hidden:
        note += f" {hidden} more configurations are not listed."
    means = [one.mean for one in shown if one.mean and not one.all_failed]
    places = choose_column_decimals((mean.value, mean.low, mean.high) for mean in means)
    return PageTable(
        columns=["configuration", *keys, "mean", "95 % interval", "seeds", "runs", *COSTS],
        rows=[_row(configuration, keys, places) for configuration in shown],
        title=workload.label if titled else "",
        note=note,
    )


COSTS = ("training a run", "FLOPs a run")


def build_failure_table(workloads: Sequence[PageWorkload]) -> PageTable:
    """Every run that failed or was given up, with its reason."""
    rows = [
        [
            Cell(configuration.name),
            number_cell(str(run.seed), run.seed),
            Cell("given up" if run.pruned else run.status),
            number_cell(*_last_step(run.curve.total("steps"))),
            Cell(shorten(run.reason, LONGEST_REASON)),
            Cell(shorten(run.name, LONGEST_REASON)),
        ]
        for workload in workloads
        for configuration in workload.configurations
        for run in configuration.runs
        if run.failed or run.pruned
    ]
    hidden = len(rows) - MOST_ROWS
    return PageTable(
        columns=("configuration", "seed", "ended as", "last evaluation", "reason", "run"),
        rows=rows[:MOST_ROWS],
        note=f"{hidden} more are not listed." if hidden > 0 else "",
    )


def _row(configuration: PageConfiguration, keys: Sequence[str], places: int | None) -> list[Cell]:
    settings = configuration.runs[0].settings
    mean = None if configuration.all_pruned or configuration.all_failed else configuration.mean
    seconds, flops = mean_amount(configuration, "seconds"), mean_amount(configuration, "flops")
    low, high = (None, None) if mean is None else (mean.low, mean.high)
    value = None if mean is None else mean.value
    text = format_estimate(value, low, high, places)
    return [
        Cell(configuration.name),
        *(_setting(settings.get(key)) for key in keys),
        number_cell("failed" if configuration.all_failed else text, value),
        number_cell(format_interval(low, high, places), low),
        _seeds(configuration),
        _runs(configuration),
        number_cell(format_amount("seconds", seconds), seconds),
        number_cell(format_amount("flops", flops), flops),
    ]


def _setting(text: str | None) -> Cell:
    try:
        value = math.nan if text is None else float(text)
    except ValueError:
        return Cell(shorten(text or "", LONGEST_SETTING))
    return number_cell(MISSING if text is None else format_setting(text), value)


def _seeds(configuration: PageConfiguration) -> Cell:
    seeds = sorted({run.seed for run in configuration.runs if not run.left})
    text = MISSING if not seeds else f"{len(seeds)}: {_ranges(seeds)}"
    return number_cell(text, len(seeds))


def _ranges(seeds: Sequence[int]) -> str:
    """Runs of numbers by their ends."""
    parts: list[list[int]] = []
    for seed in seeds:
        if parts and seed == parts[-1][1] + 1:
            parts[-1][1] = seed
        else:
            parts.append([seed, seed])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in parts)  # noqa: RUF001


def _runs(configuration: PageConfiguration) -> Cell:
    counts = Counter("given up" if run.pruned else run.status for run in configuration.runs)
    text = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts.items())
    failed = sum(run.failed for run in configuration.runs)
    return Cell(text, failed, number=True)


def _last_step(steps: float) -> tuple[str, float]:
    return (f"step {steps:,.0f}", steps) if math.isfinite(steps) else (MISSING, math.nan)
