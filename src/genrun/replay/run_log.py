"""What a run's loop told its stopping policies, from the run's folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from genrun.core.errors import CheckpointUnusable
from genrun.core.status import RunStatus
from genrun.core.types import StepReport
from genrun.results.curve import Axis
from genrun.results.logs import HELD_OUT, read_complete_rows
from genrun.results.record import RunRecord
from genrun.runs import layout

NUMBERS = {int, float}
LARGEST = 1 << 53  # step or example that a float has exactly
PLACE = ("step", "examples")  # of a row: where it is


@dataclass(frozen=True)
class Log:
    """A report for each row of metrics.jsonl, and what the loop had told at steps in between."""

    rows: Sequence[StepReport]
    flops_a_step: float | None  # None: not counted

    @property
    def timeless(self) -> bool:
        """Whether the seconds of any row are not known."""
        return any(math.isnan(row.seconds) for row in self.rows)

    def steps_before(self, place: int) -> range:
        """The steps without a row between a row and the one before it."""
        end = self.rows[place].step
        return range(self.rows[place - 1].step + 1 if place else end, end)

    def between(self, place: int, step: int) -> StepReport:
        """The report at one of `steps_before`: nothing was evaluated or read there.

        Seconds are interpolated between the rows; the rest is exact, as all steps are alike.
        """
        before, after = self.rows[place - 1], self.rows[place]
        done, all_steps = step - before.step, after.step - before.step
        examples = before.examples + (after.examples - before.examples) * done // all_steps
        seconds = before.seconds + (after.seconds - before.seconds) * (done / all_steps)
        return StepReport(step, examples, seconds, flops=_flops(step, self.flops_a_step))

    def spent(self, axis: Axis, step: int) -> float:
        """What training had taken by a step; NaN where the run does not say."""
        place = next((n for n, row in enumerate(self.rows) if row.step >= step), 0)
        row = self.rows[place]
        report = row if row.step == step else self.between(place, step)
        if axis == "flops":
            return math.nan if report.flops is None else float(report.flops)
        if axis == "steps":
            return float(report.step)
        return float(report.seconds if axis == "seconds" else report.examples)


def read_log(record: RunRecord) -> Log:
    """Raises `CheckpointUnusable` where a log is damaged, or has no row at all."""
    path = record.folder / layout.METRICS
    try:
        rows = read_complete_rows(path, b'"examples"')
        timings = read_complete_rows(record.folder / layout.TIMINGS, b'"training"')
        if not rows:
            raise ValueError("it has no row")
        return _log(record, rows, timings)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise CheckpointUnusable(f"{path}: cannot be read ({what})") from error


def _log(
    record: RunRecord, rows: Sequence[Mapping[str, Any]], timings: Sequence[Mapping[str, Any]]
) -> Log:
    seconds = {row["step"]: float(row["training"]) for row in timings}
    flops = _flops_a_step(record)
    reports = [_report(row, seconds.get(row["step"], math.nan), flops) for row in rows]
    for before, after in pairwise(reports):
        if after.step <= before.step:
            raise ValueError("its steps do not follow each other")
    if _ended_off_schedule(record, reports[-1].step):
        last = reports[-1]
        reports[-1] = StepReport(last.step, last.examples, last.seconds, flops=last.flops)
    return Log(reports, flops)


def _report(row: Mapping[str, Any], seconds: float, flops_a_step: float | None) -> StepReport:
    if not NUMBERS.issuperset(map(type, row.values())):
        raise ValueError("a value is no number")
    step, examples = row["step"], row["examples"]
    if type(step) is not int or type(examples) is not int or max(step, examples) > LARGEST:
        raise ValueError("a step is no whole number, or too large")
    if not all(map(math.isfinite, row.values())):  # the loop ends before it logs such a value
        raise ValueError(f"a value at step {step} is not finite")
    held_out, losses = {}, {}
    for name, value in row.items():
        if name.startswith(HELD_OUT):
            held_out[name.removeprefix(HELD_OUT)] = float(value)
        elif name not in PLACE:
            losses[name] = float(value)
    return StepReport(step, examples, seconds, held_out, losses, _flops(step, flops_a_step))


def _flops_a_step(record: RunRecord) -> float | None:
    steps, flops = record.curve.spent["steps"], record.curve.spent["flops"]
    if len(steps) == 0 or steps[-1] == 0 or not math.isfinite(flops[-1]):
        return None
    return float(flops[-1] / steps[-1])


def _flops(step: int, a_step: float | None) -> int | None:
    return None if a_step is None else round(step * a_step)


def _ended_off_schedule(record: RunRecord, step: int) -> bool:
    """Whether the last row is there because a policy had stopped the run, which had seen none."""
    every = record.settings.get("evaluate_every", "")
    due = not every.isdecimal() or int(every) == 0 or step % int(every) == 0
    return record.status == RunStatus.STOPPED_EARLY and not due and step != record.steps
