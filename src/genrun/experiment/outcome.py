"""Records the end of a run in its folder, its trackers and the terminal."""

from __future__ import annotations

import contextlib
from typing import Any

from genrun.core.errors import OutputFailed
from genrun.core.formatting import format_metric
from genrun.core.protocols.display import Display
from genrun.core.protocols.tracker import TrackedEnd
from genrun.core.status import RunStatus
from genrun.experiment import run_info
from genrun.experiment.build import Built
from genrun.runs.folder import RunFolder
from genrun.training.meters.meters import Meters
from genrun.training.plan import TrainingOutcome


def summarize_compute(built: Built, meters: Meters) -> dict[str, Any]:
    """Returns the run's resource usage for run.json, including a step that failed."""
    step, flops = built.trial.step, built.flops_per_step
    examples = step * built.step.examples_per_step
    return meters.summarize(step, examples, None if flops is None else step * flops)


def tracked_end(built: Built, outcome: TrainingOutcome) -> TrackedEnd:
    """Returns the end of the run as trackers record it."""
    trial = built.trial
    best = None if trial.best is None else (trial.best.step, trial.best.value)
    return TrackedEnd(outcome.status, outcome.reason, trial.step, built.plan.monitor, best)


def record_failure(
    run: RunFolder, built: Built, meters: Meters, error: BaseException
) -> TrainingOutcome:
    """Records a run that ends by an exception; that the disk is full must not hide that one."""
    outcome = TrainingOutcome(RunStatus.FAILED, f"{type(error).__name__}: {error}")
    if isinstance(error, KeyboardInterrupt):
        outcome = TrainingOutcome(RunStatus.INTERRUPTED, "stopped at once by a second signal")
    ended = {"status": outcome.status, "reason": outcome.reason}
    with contextlib.suppress(OutputFailed):
        run.update({**ended, "compute": summarize_compute(built, meters)})
    return outcome


def record_outcome(
    run: RunFolder, built: Built, outcome: TrainingOutcome, meters: Meters, display: Display
) -> None:
    """Writes the outcome to run.json and shows it."""
    trial = built.trial
    best = None if trial.best is None else {"step": trial.best.step, "value": trial.best.value}
    run.update(
        {
            "status": outcome.status,
            "reason": outcome.reason,
            "ended": run_info.now(),
            "step": trial.step,
            "best": best,
            "compute": summarize_compute(built, meters),
        }
    )
    lines = {"folder": run_info.display_path(run.path)}
    if best is not None:
        lines["best"] = (
            f"{built.plan.monitor} {format_metric(best['value'])} at step {best['step']}"
        )
    if pictures := sorted(run.samples.glob("step-*[0-9].png")):
        lines["samples"] = run_info.display_path(pictures[-1])
    if outcome.status == RunStatus.INTERRUPTED:
        lines["resume"] = f"genrun resume {run_info.display_path(run.path)}"
    display.finish(outcome.status, outcome.reason, lines)
