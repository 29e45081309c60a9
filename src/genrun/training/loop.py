"""The loop, readable from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from genrun.core.errors import Diverged
from genrun.core.protocols.display import Display
from genrun.core.status import RunStatus
from genrun.core.types import StepReport
from genrun.training.distributed.process_group import ProcessGroup
from genrun.training.evaluation import Evaluation
from genrun.training.finite import check_finite
from genrun.training.meters.meters import Clock
from genrun.training.plan import TrainingOutcome, TrainingPlan
from genrun.training.recorder import Recorder
from genrun.training.state import Best, TrainingState
from genrun.training.step import TrainingStep


def due(step: int, every: int, last: bool = False) -> bool:
    """Whether something that happens every `every` steps, and at the end, happens now."""
    return step % every == 0 or last


@dataclass
class Loop:
    """Trains a trial until its plan, a stopping policy or an interrupt ends it.

    Of several processes all take every step; what else is due rank 0 does, and tells the others
    what came of it. `interrupted` and `seconds` of training are the same for all at each step.
    """

    trial: TrainingState
    step: TrainingStep
    evaluation: Evaluation
    plan: TrainingPlan
    recorder: Recorder
    display: Display
    interrupted: Callable[[], bool]
    seconds: Callable[[], float]
    processes: ProcessGroup
    clock: Clock
    fresh: bool  # nothing was restored
    flops_per_step: int | None  # None: not counted
    _kept: Best | None = field(init=False, default=None)  # the best that is on disk

    def run(self) -> TrainingOutcome:
        self._kept = self.trial.best
        try:
            return self._run()
        except Diverged as error:
            self.trial.best = self._kept  # a better one that was found since is not on disk
            return TrainingOutcome(RunStatus.DIVERGED, str(error))

    def _run(self) -> TrainingOutcome:
        trial, plan = self.trial, self.plan
        if self.fresh and (reason := self._begin()):
            return TrainingOutcome(RunStatus.STOPPED_EARLY, reason)
        if trial.stop_reason:
            return TrainingOutcome(RunStatus.STOPPED_EARLY, trial.stop_reason)
        while trial.step < plan.steps:
            trial.step += 1
            trial.loss_buffer.add(trial.step, self.step(trial.step))
            trial.average.update(trial.step)
            for schedule in trial.schedules.values():
                schedule.step()
            self.display.step = trial.step

            done = trial.step == plan.steps
            evaluated = due(trial.step, plan.evaluate_every, last=done)
            metrics = self._evaluate() if evaluated else {}
            logged = due(trial.step, plan.log_every, last=evaluated)
            losses = trial.loss_buffer.read() if logged else {}
            reason = self._observe(metrics, losses) if trial.stoppers else None
            if reason and not evaluated:
                metrics = self._evaluate()
                losses = losses or trial.loss_buffer.read()
            last = done or reason is not None
            trial.stop_reason = reason or ""

            if logged or last:
                self._log(losses, metrics)
            if due(trial.step, plan.sample_every, last):
                self._draw()
            if due(trial.step, plan.save_every, last) or self._is_best():
                self._save()
            if reason:
                return TrainingOutcome(RunStatus.STOPPED_EARLY, reason)
            if not done and self.interrupted():
                self._save()
                return TrainingOutcome(
                    RunStatus.INTERRUPTED, f"stopped by a signal after step {trial.step}"
                )
        return TrainingOutcome(RunStatus.FINISHED, f"all {plan.steps} steps done")

    def _begin(self) -> str | None:
        """Step 0: what the untrained networks give, and a checkpoint to come back to."""
        metrics = self._evaluate()
        reason = self._observe(metrics, {})
        self._log({}, metrics)
        self._draw()
        self.trial.stop_reason = reason or ""
        self._save()
        return reason

    def _evaluate(self) -> dict[str, float]:
        trial = self.trial
        trial.loss_buffer.check()
        trial.average.refresh(trial.step)
        metrics = self.processes.on_rank_zero(self._measure)
        value = metrics[self.plan.monitor]
        if trial.best is None or value < trial.best.value:
            trial.best = Best(trial.step, value)
        if trial.step > 0:
            for schedule in trial.schedules.values():
                schedule.observe(value)
        return metrics

    def _measure(self) -> dict[str, float]:
        with self.clock.measure("evaluation"):
            self.trial.check()
            metrics = self.evaluation.evaluate()
        for name, number in metrics.items():
            if not math.isfinite(number):
                raise Diverged(f"held_out/{name} was {number} at step {self.trial.step}")
        return metrics

    def _observe(self, metrics: Mapping[str, float], losses: Mapping[str, float]) -> str | None:
        step = self.trial.step
        examples = step * self.step.examples_per_step
        flops = None if self.flops_per_step is None else step * self.flops_per_step
        return self.trial.observe(
            StepReport(step, examples, self.seconds(), metrics, losses, flops)
        )

    def _is_best(self) -> bool:
        return self.trial.best is not None and self.trial.best.step == self.trial.step

    def _log(self, losses: Mapping[str, float], metrics: Mapping[str, float]) -> None:
        self.processes.on_rank_zero(lambda: self._write_row(losses, metrics))

    def _write_row(self, losses: Mapping[str, float], metrics: Mapping[str, float]) -> None:
        trial = self.trial
        trial.check()
        row = self._row({**losses, **trial.gradient_norms}, metrics)
        events = trial.health.observe(row)
        self.recorder.write_row(row, self.clock.read())
        states = trial.stopper_states
        self.display.show_row(row, [s.describe(states[n]) for n, s in trial.stoppers.items()])
        for event in events:
            self.recorder.write_health(event)
            self.display.note("step {step}: {health} {state}: {detail}".format_map(event))

    def _row(self, values: Mapping[str, float], metrics: Mapping[str, float]) -> dict[str, float]:
        trial = self.trial
        rates = {
            f"{name}/lr": optimizer.param_groups[0]["lr"]
            for name, optimizer in trial.optimizers.items()
        }
        held_out = {f"held_out/{name}": value for name, value in metrics.items()}
        examples = trial.step * self.step.examples_per_step
        return {"step": trial.step, "examples": examples, **values, **rates, **held_out}

    def _draw(self) -> None:
        self.trial.loss_buffer.check()
        self.trial.average.refresh(self.trial.step)
        self.processes.on_rank_zero(self._write_pictures)

    def _write_pictures(self) -> None:
        trial = self.trial
        with self.clock.measure("evaluation"):
            trial.check()
            pictures = self.evaluation.pictures()
            drawn = {f"samples{name}": picture.images for name, picture in pictures.items()}
            check_finite(drawn, trial.step)
            self.recorder.write_pictures(trial.step, pictures)

    def _save(self) -> None:
        self.trial.loss_buffer.check()
        self.trial.average.refresh(self.trial.step)
        self.processes.on_rank_zero(self._write_checkpoint)
        self._kept = self.trial.best

    def _write_checkpoint(self) -> None:
        with self.clock.measure("saving"):
            best = self.trial.best
            tensors, record = self.trial.save()
            self.recorder.write_checkpoint(tensors, record, None if best is None else best.step)
