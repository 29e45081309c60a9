"""The reports that a run's stopping policies received, rebuilt from the run's logs."""

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
LARGEST = 1 << 53  # step or count of examples that a float represents exactly
POSITION = ("step", "examples")  # keys of a row that are not losses


@dataclass(frozen=True)
class ReplayLog:
    """A report for each row of metrics.jsonl, and those of the steps in between."""

    rows: Sequence[StepReport]
    flops_per_step: float | None  # None if not counted

    @property
    def lacks_seconds(self) -> bool:
        """Whether the seconds of any row are unknown."""
        return any(math.isnan(row.seconds) for row in self.rows)

    def steps_before(self, index: int) -> range:
        """Returns the steps between the row at an index and the row before it."""
        end = self.rows[index].step
        return range(self.rows[index - 1].step + 1 if index else end, end)

    def report_between(self, index: int, step: int) -> StepReport:
        """Returns the report at one of `steps_before`: without metrics and losses.

        Seconds are interpolated between the rows; the rest is exact, as each step costs the same.
        """
        before, after = self.rows[index - 1], self.rows[index]
        done, all_steps = step - before.step, after.step - before.step
        examples = before.examples + (after.examples - before.examples) * done // all_steps
        seconds = before.seconds + (after.seconds - before.seconds) * (done / all_steps)
        return StepReport(step, examples, seconds, flops=_flops(step, self.flops_per_step))

    def cost_at(self, axis: Axis, step: int) -> float:
        """Returns the training cost until a step; NaN if it is unknown."""
        index = next((n for n, row in enumerate(self.rows) if row.step >= step), 0)
        row = self.rows[index]
        report = row if row.step == step else self.report_between(index, step)
        if axis == "flops":
            return math.nan if report.flops is None else float(report.flops)
        if axis == "steps":
            return float(report.step)
        return float(report.seconds if axis == "seconds" else report.examples)


def read_log(record: RunRecord) -> ReplayLog:
    """Reads a run's logs. Raises `CheckpointUnusable` if one is damaged, or has no rows."""
    path = record.folder / layout.METRICS
    try:
        rows = read_complete_rows(path, b'"examples"')
        timings = read_complete_rows(record.folder / layout.TIMINGS, b'"training"')
        if not rows:
            raise ValueError("it has no rows")
        return _log(record, rows, timings)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise CheckpointUnusable(f"{path}: cannot be read ({what})") from error


def _log(
    record: RunRecord, rows: Sequence[Mapping[str, Any]], timings: Sequence[Mapping[str, Any]]
) -> ReplayLog:
    seconds = {row["step"]: float(row["training"]) for row in timings}
    flops = _flops_per_step(record)
    reports = [_report(row, seconds.get(row["step"], math.nan), flops) for row in rows]
    for before, after in pairwise(reports):
        if after.step <= before.step:
            raise ValueError("its steps do not increase")
    if _ended_off_schedule(record, reports[-1].step):
        last = reports[-1]
        reports[-1] = StepReport(last.step, last.examples, last.seconds, flops=last.flops)
    return ReplayLog(reports, flops)


def _report(row: Mapping[str, Any], seconds: float, flops_per_step: float | None) -> StepReport:
    if not NUMBERS.issuperset(map(type, row.values())):
        raise ValueError("a value is not a number")
    step, examples = row["step"], row["examples"]
    if type(step) is not int or type(examples) is not int or max(step, examples) > LARGEST:
        raise ValueError("step or examples is not an integer, or too large")
    if not all(map(math.isfinite, row.values())):  # the loop ends before it logs one
        raise ValueError(f"a value at step {step} is not finite")
    held_out, losses = {}, {}
    for name, value in row.items():
        if name.startswith(HELD_OUT):
            held_out[name.removeprefix(HELD_OUT)] = float(value)
        elif name not in POSITION:
            losses[name] = float(value)
    return StepReport(step, examples, seconds, held_out, losses, _flops(step, flops_per_step))


def _flops_per_step(record: RunRecord) -> float | None:
    steps, flops = record.curve.cost["steps"], record.curve.cost["flops"]
    if len(steps) == 0 or steps[-1] == 0 or not math.isfinite(flops[-1]):
        return None
    return float(flops[-1] / steps[-1])


def _flops(step: int, per_step: float | None) -> int | None:
    return None if per_step is None else round(step * per_step)


def _ended_off_schedule(record: RunRecord, step: int) -> bool:
    """Whether the last row was evaluated because a policy had stopped: no policy observed it."""
    every = record.settings.get("evaluate_every", "")
    is_due = not every.isdecimal() or int(every) == 0 or step % int(every) == 0
    return record.status == RunStatus.STOPPED_EARLY and not is_due and step != record.steps
