"""A summary for the terminal: a table for each metric, failures with their reasons, the cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genrun.core.formatting import (
    choose_column_decimals,
    describe_usage,
    format_aligned,
    format_duration,
    format_estimate,
    format_interval,
    format_setting,
)
from genrun.core.usage import sum_usage
from genrun.results.grouping import Configuration
from genrun.results.record import RunRecord
from genrun.results.summary.configurations import group_by_monitor
from genrun.statistics.paired_tests import paired_difference
from genrun.terminal.tables import print_line, print_table

MOST_ROWS = 100
MOST_FAILURES = 20
FAILED_MARK = "! "
MOST_KEYS = 4  # that have a column each
NUMBERS = ("mean", "deviation", "95 % interval", "seeds", "failed", "pruned", "left", "time")
RARE = ("failed", "pruned", "left")


def print_tables(configurations: Sequence[Configuration], records: Sequence[RunRecord]) -> None:
    """Prints the configurations, best first, and the number of those left out."""
    for monitor, group in group_by_monitor(configurations).items():
        print_line("")
        title = f"{monitor}, lower is better" if monitor else "not begun, or failed before that"
        _print_table(group, title)
        if line := _best_two(group):
            print_line(line)
    _print_failures([record for record in records if record.is_failure])
    print_line("")
    print_line(f"spent: {describe_cost(records)} in {len(records)} jobs")


def _print_table(group: Sequence[Configuration], title: str) -> None:
    """Prints one table, with a column for each swept key if they are few; no empty columns."""
    keys = list(dict.fromkeys(key for c in group for key in c.settings))
    keys = keys if 0 < len(keys) <= MOST_KEYS else []
    decimals = choose_column_decimals(
        (c.spread.mean, c.spread.low, c.spread.high) for c in group if c.spread is not None
    )
    cells = [_cells(configuration, decimals) for configuration in group[:MOST_ROWS]]
    rare = {name for name in RARE if all(row[name] is None for row in cells)}
    columns = [name for name in NUMBERS if name not in rare]
    rows = [
        [*_named(configuration, keys), *(row[name] for name in columns)]
        for configuration, row in zip(group, cells, strict=False)
    ]
    print_table((*(keys or ("configuration",)), *columns), rows, title=title, numbers=NUMBERS)
    if len(group) > MOST_ROWS:
        print_line(f"and {len(group) - MOST_ROWS} more in summary.csv")


def _named(configuration: Configuration, keys: Sequence[str]) -> list[str | None]:
    """Returns the settings that distinguish a configuration, marked if jobs of it failed."""
    names = [
        format_setting(configuration.settings[key]) if key in configuration.settings else None
        for key in keys
    ]
    first = names[0] if keys else configuration.label
    mark = FAILED_MARK if configuration.failures else ""
    return [f"{mark}{'-' if first is None else first}", *names[1:]]


def _cells(configuration: Configuration, decimals: int | None) -> dict[str, Any]:
    found, failed = configuration.spread, len(configuration.failures)
    interval = deviation = None
    if found is not None and found.low is not None and found.high is not None:
        interval = format_interval(found.low, found.high, decimals)
        deviation = None if found.deviation is None else f"{found.deviation:.3g}"
    runs = configuration.runs
    seconds = sum_usage(run.usage for run in runs).seconds["training"]
    return {
        "mean": found and format_estimate(found.mean, found.low, found.high, decimals),
        "deviation": deviation,
        "95 % interval": interval,
        "seeds": f"{len(configuration.values)}/{len(runs)}",
        "failed": failed or None,
        "pruned": configuration.pruned or None,
        "left": configuration.left or None,
        "time": format_duration(seconds) if seconds else None,
    }


def _best_two(group: Sequence[Configuration]) -> str:
    """Describes the difference between the best two, over the seeds that both have."""
    if len(group) < 2 or group[1].spread is None:
        return ""
    first, second = group[:2]
    gap = paired_difference(first.values, second.values)
    if all(len(configuration.runs) == 1 for configuration in group):
        return "one seed each gives no measure of uncertainty; sweep.seeds=3 would"
    if gap is None or gap.low is None or gap.high is None:
        return ""
    mean, low, high = format_aligned(gap.mean, gap.low, gap.high)
    return (
        f"{second.label} is {mean} above {first.label} with the same seeds "
        f"(95 % interval {low} to {high}, {gap.count} pairs)"
    )


def _print_failures(failed: Sequence[RunRecord]) -> None:
    if not failed:
        return
    print_line("")
    rows = [(run.name, run.status, run.explanation) for run in failed[:MOST_FAILURES]]
    print_table(("job", "status", "why"), rows, title=f"{len(failed)} failed")
    if len(failed) > MOST_FAILURES:
        print_line(f"and {len(failed) - MOST_FAILURES} more in summary.json")


def describe_cost(records: Sequence[RunRecord]) -> str:
    """Describes the cost of all jobs, whatever their status; FLOPs are of training alone."""
    whole = sum_usage(record.usage for record in records)
    lost = sum_usage(record.usage for record in records if record.is_failure)
    seconds = lost.seconds["training"]
    of_it = f" ({format_duration(seconds)} of it in failed ones)" if seconds else ""
    known = [
        f"{format_duration(whole.seconds['training'])} of training{of_it}",
        f"{format_duration(whole.seconds['evaluation'])} of evaluation",
        f"{whole.steps:,} steps, {whole.examples:,} examples",
        *describe_usage(whole),
    ]
    return ", ".join(known)
