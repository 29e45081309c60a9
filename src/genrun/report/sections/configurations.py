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
from genrun.report.sections.pareto_front import spent_by
from genrun.report.tables import Cell, Table, number_cell
from genrun.results.differences import differing_settings

MOST_ROWS = 300
MOST_COLUMNS = 8  # of settings
LONGEST_REASON, LONGEST_SETTING = 300, 80  # characters


def configurations_of(scene: PageWorkload, titled: bool) -> Table:
    """Best first: what differs, the mean with its interval, seeds, how its runs ended."""
    keys = differing_settings(scene.workload.records)[:MOST_COLUMNS]
    shown = scene.members[:MOST_ROWS]
    hidden = len(scene.members) - len(shown)
    note = (
        f"Mean of each run's best {scene.metric} on held-out images, with its 95 % interval; "
        "lower is better."
    )
    if hidden:
        note += f" {hidden} more configurations are not listed."
    means = [one.mean for one in shown if one.mean and not one.hopeless]
    places = choose_column_decimals((mean.value, mean.low, mean.high) for mean in means)
    return Table(
        columns=["configuration", *keys, "mean", "95 % interval", "seeds", "runs", *COSTS],
        rows=[_row(member, keys, places) for member in shown],
        title=scene.workload.label if titled else "",
        note=note,
    )


COSTS = ("training a run", "FLOPs a run")


def failures_of(scenes: Sequence[PageWorkload]) -> Table:
    """Every run that failed or was given up, with its reason."""
    rows = [
        [
            Cell(member.name),
            number_cell(str(run.seed), run.seed),
            Cell("given up" if run.pruned else run.status),
            number_cell(*_last_step(run.curve.total("steps"))),
            Cell(shorten(run.reason, LONGEST_REASON)),
            Cell(shorten(run.name, LONGEST_REASON)),
        ]
        for scene in scenes
        for member in scene.members
        for run in member.configuration.runs
        if run.failed or run.pruned
    ]
    hidden = len(rows) - MOST_ROWS
    return Table(
        columns=("configuration", "seed", "ended as", "last evaluation", "reason", "run"),
        rows=rows[:MOST_ROWS],
        note=f"{hidden} more are not listed." if hidden > 0 else "",
    )


def _row(member: PageConfiguration, keys: Sequence[str], places: int | None) -> list[Cell]:
    settings = member.configuration.runs[0].settings
    mean = None if member.tried or member.hopeless else member.mean
    seconds, flops = spent_by(member, "seconds"), spent_by(member, "flops")
    low, high = (None, None) if mean is None else (mean.low, mean.high)
    value = None if mean is None else mean.value
    text = format_estimate(value, low, high, places)
    return [
        Cell(member.name),
        *(_setting(settings.get(key)) for key in keys),
        number_cell("failed" if member.hopeless else text, value),
        number_cell(format_interval(low, high, places), low),
        _seeds(member),
        _runs(member),
        number_cell(format_amount("seconds", seconds), seconds),
        number_cell(format_amount("flops", flops), flops),
    ]


def _setting(text: str | None) -> Cell:
    try:
        value = math.nan if text is None else float(text)
    except ValueError:
        return Cell(shorten(text or "", LONGEST_SETTING))
    return number_cell(MISSING if text is None else format_setting(text), value)


def _seeds(member: PageConfiguration) -> Cell:
    seeds = sorted({run.seed for run in member.configuration.runs if not run.left})
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


def _runs(member: PageConfiguration) -> Cell:
    counts = Counter("given up" if run.pruned else run.status for run in member.configuration.runs)
    text = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts.items())
    failed = sum(run.failed for run in member.configuration.runs)
    return Cell(text, failed, number=True)


def _last_step(steps: float) -> tuple[str, float]:
    return (f"step {steps:,.0f}", steps) if math.isfinite(steps) else (MISSING, math.nan)
