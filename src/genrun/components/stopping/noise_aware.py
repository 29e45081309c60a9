"""Early stopping with patience, where what noise could have made is no improvement."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.core.errors import ConfigError
from genrun.core.log_names import STANDARD_ERROR
from genrun.core.types import State, StepReport


@dataclass(frozen=True)
class NoiseAware:
    """Stops after `patience` evaluations in a row without a fall over `standard_errors` of them.

    As in the one-standard-error rule (Breiman et al., "Classification and Regression Trees",
    1984, section 3.4.3) the measure is the standard error of the mean over the held-out images,
    which the log has beside the mean; a fall is counted from the last value that was an
    improvement, so that many small ones add up to one.

    All evaluations are of the same images with the same noise, so two of them differ by less
    noise than this: the images that are hard are hard in both. A paired test would see smaller
    falls, but needs every image's value at the policy's own best, which no log holds. What this
    asks is whether a fall is more than the choice of the held-out images makes of the figure.
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
