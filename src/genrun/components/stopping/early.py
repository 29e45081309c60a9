"""Early stopping with patience (Prechelt, 1998, in its common form)."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.core.types import State, StepReport


@dataclass(frozen=True)
class Early:
    """Stops after `patience` evaluations in a row without an improvement over `min_delta`.

    `monitor` is a held-out metric, None the run's own; lower is better.
    """

    patience: int
    min_delta: float
    monitor: str | None

    def start(self) -> State:
        return {"best": None, "best_step": None, "waited": 0}

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        value = report.metrics.get(self.monitor or "")
        if value is None:
            return state, None
        if state["best"] is None or value < state["best"] - self.min_delta:
            return {"best": value, "best_step": report.step, "waited": 0}, None
        waited = state["waited"] + 1
        state = {**state, "waited": waited}
        if waited < self.patience:
            return state, None
        return state, (
            f"early: {self.monitor} has not improved by {self.min_delta:g} in {waited} "
            f"evaluations; best {state['best']:.6g} at step {state['best_step']}"
        )

    def describe(self, state: State) -> str:
        return f"early: {state['waited']} of {self.patience} evaluations without improvement"
