"""The training loop."""

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
    """Whether an event that occurs every `every` steps, and at the end, occurs now."""
    return step % every == 0 or last


@dataclass
class Loop:
    """Trains until the plan, a stopping policy or an interrupt ends the run.

    With several processes all of them take every step; evaluating and writing is done by rank 0,
    which broadcasts the result. `interrupted` and `seconds` (of training) return the same value in
    all processes at each step.
    """

    state: TrainingState
    step: TrainingStep
    evaluation: Evaluation
    plan: TrainingPlan
    recorder: Recorder
    display: Display
    interrupted: Callable[[], bool]
    seconds: Callable[[], float]
    process_group: ProcessGroup
    clock: Clock
    is_new: bool  # whether nothing was restored
    flops_per_step: int | None  # None: not counted
    _saved_best: Best | None = field(init=False, default=None)  # the best in a checkpoint

    def run(self) -> TrainingOutcome:
        self._saved_best = self.state.best
        try:
            return self._run()
        except Diverged as error:
            self.state.best = self._saved_best  # a later best has no checkpoint
            return TrainingOutcome(RunStatus.DIVERGED, str(error))

    def _run(self) -> TrainingOutcome:
        state, plan = self.state, self.plan
        if self.is_new and (reason := self._evaluate_step_zero()):
            return TrainingOutcome(RunStatus.STOPPED_EARLY, reason)
        if state.stop_reason:
            return TrainingOutcome(RunStatus.STOPPED_EARLY, state.stop_reason)
        while state.step < plan.steps:
            state.step += 1
            state.loss_buffer.add(state.step, self.step(state.step))
            state.average.update(state.step)
            for schedule in state.schedules.values():
                schedule.step()
            self.display.step = state.step

            done = state.step == plan.steps
            evaluated = due(state.step, plan.evaluate_every, last=done)
            metrics = self._evaluate() if evaluated else {}
            logged = due(state.step, plan.log_every, last=evaluated)
            losses = state.loss_buffer.read() if logged else {}
            reason = self._observe(metrics, losses) if state.stoppers else None
            if reason and not evaluated:
                metrics = self._evaluate()
                losses = losses or state.loss_buffer.read()
            last = done or reason is not None
            state.stop_reason = reason or ""

            if logged or last:
                self._log(losses, metrics)
            if due(state.step, plan.sample_every, last):
                self._draw()
            if due(state.step, plan.save_every, last) or self._is_best():
                self._save()
            if reason:
                return TrainingOutcome(RunStatus.STOPPED_EARLY, reason)
            if not done and self.interrupted():
                self._save()
                return TrainingOutcome(
                    RunStatus.INTERRUPTED, f"stopped by a signal after step {state.step}"
                )
        return TrainingOutcome(RunStatus.FINISHED, f"all {plan.steps} steps done")

    def _evaluate_step_zero(self) -> str | None:
        """Step 0: evaluates, draws and saves the untrained networks."""
        metrics = self._evaluate()
        reason = self._observe(metrics, {})
        self._log({}, metrics)
        self._draw()
        self.state.stop_reason = reason or ""
        self._save()
        return reason

    def _evaluate(self) -> dict[str, float]:
        state = self.state
        state.loss_buffer.check()
        state.average.refresh(state.step)
        metrics = self.process_group.on_rank_zero(self._measure)
        value = metrics[self.plan.monitor]
        if state.best is None or value < state.best.value:
            state.best = Best(state.step, value)
        if state.step > 0:
            for schedule in state.schedules.values():
                schedule.observe(value)
        return metrics

    def _measure(self) -> dict[str, float]:
        with self.clock.measure("evaluation"):
            self.state.check()
            metrics = self.evaluation.evaluate()
        for name, number in metrics.items():
            if not math.isfinite(number):
                raise Diverged(f"held_out/{name} was {number} at step {self.state.step}")
        return metrics

    def _observe(self, metrics: Mapping[str, float], losses: Mapping[str, float]) -> str | None:
        step = self.state.step
        examples = step * self.step.examples_per_step
        flops = None if self.flops_per_step is None else step * self.flops_per_step
        return self.state.observe(
            StepReport(step, examples, self.seconds(), metrics, losses, flops)
        )

    def _is_best(self) -> bool:
        return self.state.best is not None and self.state.best.step == self.state.step

    def _log(self, losses: Mapping[str, float], metrics: Mapping[str, float]) -> None:
        self.process_group.on_rank_zero(lambda: self._write_row(losses, metrics))

    def _write_row(self, losses: Mapping[str, float], metrics: Mapping[str, float]) -> None:
        state = self.state
        state.check()
        row = self._make_row({**losses, **state.gradient_norms}, metrics)
        events = state.health.observe(row)
        self.recorder.write_row(row, self.clock.read())
        stopper_states = state.stopper_states
        self.display.show_row(
            row, [s.describe(stopper_states[n]) for n, s in state.stoppers.items()]
        )
        for event in events:
            self.recorder.write_health(event)
            self.display.note("step {step}: {health} {state}: {detail}".format_map(event))

    def _make_row(
        self, values: Mapping[str, float], metrics: Mapping[str, float]
    ) -> dict[str, float]:
        state = self.state
        rates = {
            f"{name}/lr": optimizer.param_groups[0]["lr"]
            for name, optimizer in state.optimizers.items()
        }
        held_out = {f"held_out/{name}": value for name, value in metrics.items()}
        examples = state.step * self.step.examples_per_step
        return {"step": state.step, "examples": examples, **values, **rates, **held_out}

    def _draw(self) -> None:
        self.state.loss_buffer.check()
        self.state.average.refresh(self.state.step)
        self.process_group.on_rank_zero(self._write_pictures)

    def _write_pictures(self) -> None:
        state = self.state
        with self.clock.measure("evaluation"):
            state.check()
            pictures = self.evaluation.pictures()
            drawn = {f"samples{name}": picture.images for name, picture in pictures.items()}
            check_finite(drawn, state.step)
            self.recorder.write_pictures(state.step, pictures)

    def _save(self) -> None:
        self.state.loss_buffer.check()
        self.state.average.refresh(self.state.step)
        self.process_group.on_rank_zero(self._write_checkpoint)
        self._saved_best = self.state.best

    def _write_checkpoint(self) -> None:
        with self.clock.measure("saving"):
            best = self.state.best
            tensors, record = self.state.save()
            self.recorder.write_checkpoint(tensors, record, None if best is None else best.step)
