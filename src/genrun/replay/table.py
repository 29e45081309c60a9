"""Prints a replay on the terminal."""

from __future__ import annotations

from genrun.core.formatting import AXIS_NAMES, format_plain_amount, format_with_interval
from genrun.replay.replay import Replay
from genrun.replay.summary import ReplayPanel, ReplayResult
from genrun.results.curve import Axis
from genrun.statistics.interval import Interval
from genrun.terminal.tables import print_line, print_table


def print_replay(replay: Replay) -> None:
    """Prints a table for each panel, then the notes."""
    for panel in replay.panels:
        _print_panel(panel, replay.axis)
    print_line(
        "lost: the best value until the stop minus the last of the log (negative: gained); "
        "regret: minus the best of the log; at step: mean over the runs that it stops; […]: 95 % "
        "interval of the mean over runs; *: on the Pareto front, no other saves as much and loses "
        "less"
    )
    for note in replay.notes:
        print_line(note)


def _print_panel(panel: ReplayPanel, axis: Axis) -> None:
    unit = "%" if panel.is_relative else panel.metric
    lost, regret, saved = f"lost, {unit}", f"regret, {unit}", f"saved, {AXIS_NAMES[axis]}"
    columns = ["", "policy", "stops in", "at step", f"saved, % of {AXIS_NAMES[axis]}"]
    columns += [] if panel.is_relative else [saved]
    rows = [_row(result, panel.is_relative, axis) for result in panel.results]
    no_stopping = ["", "(no stopping, best checkpoint)", "-", "-", "0"]
    no_stopping += [] if panel.is_relative else ["0"]
    no_stopping += [_format_scaled(panel.keeping, 100 if panel.is_relative else 1), "0"]
    title = f"{panel.label}, {panel.runs} run{'s' if panel.runs != 1 else ''}"
    numbers = [column for column in columns if column not in ("", "policy")]
    print_table([*columns, lost, regret], [*rows, no_stopping], title, [*numbers, lost, regret])


def _row(result: ReplayResult, is_relative: bool, axis: Axis) -> list[str]:
    scale = 100.0 if is_relative else 1.0
    row = [
        "*" if result.optimal else "",
        result.label,
        f"{result.stopped} of {result.runs}",
        "-" if result.step is None else f"{result.step.value:.0f}",
        _format_scaled(result.saved, 100),
    ]
    if result.amount is not None:
        row.append(format_plain_amount(axis, result.amount.value))
    return [*row, _format_scaled(result.lost, scale), _format_scaled(result.regret, scale)]


def _format_scaled(interval: Interval, scale: float) -> str:
    low = None if interval.low is None else interval.low * scale
    high = None if interval.high is None else interval.high * scale
    return format_with_interval(interval.value * scale, low, high)
