"""What a run's folder and its display say when it ends."""

from __future__ import annotations

import contextlib

from genrun import facts
from genrun.build import Built
from genrun.core.errors import OutputFailed
from genrun.core.protocols import Display
from genrun.runs.folder import RunFolder
from genrun.training.clock import Clock
from genrun.training.plan import Outcome


def note_end(run: RunFolder, status: str, reason: str) -> None:
    """On the way out of an error, which matters more than that the disk is full."""
    with contextlib.suppress(OutputFailed):
        run.update({"status": status, "reason": reason})


def finish(run: RunFolder, built: Built, outcome: Outcome, clock: Clock, display: Display) -> None:
    """The last of run.json and of the display."""
    trial = built.trial
    best = None if trial.best is None else {"step": trial.best.step, "value": trial.best.value}
    flops_a_step = built.flops_a_step
    seconds = {name: round(value, 3) for name, value in clock.read().items()}
    run.update(
        {
            "status": outcome.status,
            "reason": outcome.reason,
            "ended": facts.now(),
            "step": trial.step,
            "best": best,
            "compute": {
                "steps": trial.step,
                "examples": trial.step * built.step.examples_a_step,
                "flops": None if flops_a_step is None else trial.step * flops_a_step,
                "seconds": seconds,
            },
        }
    )
    lines = {"folder": facts.shown(run.path)}
    if best is not None:
        lines["best"] = f"{built.plan.monitor} {best['value']:.5g} at step {best['step']}"
    if pictures := sorted(run.samples.glob("step-*[0-9].png")):
        lines["samples"] = facts.shown(pictures[-1])
    if outcome.status == "interrupted":
        lines["go on"] = f"genrun resume {facts.shown(run.path)}"
    display.finish(outcome.status, outcome.reason, lines)
