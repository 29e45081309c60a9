"""Early stopping with patience that ignores improvements within the metric's noise."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.core.errors import ConfigError
from genrun.core.log_names import STANDARD_ERROR
from genrun.core.types import State, StepReport


@dataclass(frozen=True)
class NoiseAware:
    """Stops after `patience` evaluations in a row without a fall by `standard_errors` errors.

    The error is the standard error of the mean over held-out images, as in the one-standard-error
    rule (Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3). The fall is
    measured from the last improvement, so that several small ones add up.

    All evaluations are of the same images with the same noise, so the difference of two of them
    has a smaller error than this. A paired test would detect smaller falls, but needs the values
    of all images at the best evaluation, which the log does not have. The criterion is whether a
    fall exceeds the uncertainty due to the choice of held-out images.
    """

    patience: int
    standard_errors: float
    monitor: str | None

    def start(self) -> State:
        return {"best": None, "best_step": None, "waited": 0}

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        value = report.metrics.get(self.monitor or "")
        if value is None:
            return state, None
        error = report.metrics.get(f"{self.monitor}{STANDARD_ERROR}")
        if error is None:
            raise ConfigError(
                f"stopping.noise_aware: held_out/{self.monitor} has no standard error at step "
                f"{report.step}"
            )
        if state["best"] is None or value < state["best"] - self.standard_errors * error:
            return {"best": value, "best_step": report.step, "waited": 0}, None
        waited = state["waited"] + 1
        state = {**state, "waited": waited}
        if waited < self.patience:
            return state, None
        return state, (
            f"noise_aware: {self.monitor} has not fallen by {self.standard_errors:g} standard "
            f"errors (now {error:.2g}) in {waited} evaluations; best {state['best']:.6g} at step "
            f"{state['best_step']}"
        )

    def describe(self, state: State) -> str:
        return f"noise_aware: {state['waited']} of {self.patience} evaluations without improvement"
