"""Stop when generalization is lost faster than training still gains (Prechelt, 1998)."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.components.stopping._prechelt import check_positive, generalization_loss
from genrun.core.errors import ConfigError
from genrun.core.types import State, StepReport

NAME = "progress_quotient"


@dataclass(frozen=True)
class ProgressQuotient:
    """PQ_alpha: stops at the first end of a strip where GL(t) / P_k(t) is over `threshold`.

    Prechelt, "Early Stopping - But When?", with an evaluation for an epoch: a strip is `strip`
    evaluations; GL(t) is by how many percent the held-out metric lies above its lowest; the
    training progress P_k(t) = 1000 (mean(E_tr) / min(E_tr) - 1) over the strip, where E_tr(t) is
    the training loss of `player`, penalties included, as the mean over the steps between two
    evaluations. Without progress any loss of generalization stops. The first evaluation seen,
    that of step 0, is before the first strip. Raises `ConfigError` at a value that is not above 0.
    """

    threshold: float
    strip: int
    monitor: str | None
    player: str | None

    def __post_init__(self) -> None:
        if self.strip < 2:
            raise ValueError(f"strip={self.strip}: must be at least 2, or there is no progress")

    def start(self) -> State:
        return {
            "best": None,
            "row_step": 0,  # of the last row
            "sum": 0.0,  # of the loss, over the steps since the last evaluation
            "steps": 0,  # of these
            "strip": [],  # E_tr of each evaluation in this one
            "quotient": None,  # at the end of the last one; None where P was 0
        }

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        loss = report.losses.get(f"{self.player}/loss")
        if loss is not None and state["best"] is not None:
            steps = report.step - state["row_step"]
            state = {
                **state,
                "row_step": report.step,
                "sum": state["sum"] + steps * loss,
                "steps": state["steps"] + steps,
            }
        value = report.metrics.get(self.monitor or "")
        if value is None:
            return state, None
        check_positive(NAME, f"held_out/{self.monitor}", value, report.step)
        if state["best"] is None:
            return {**state, "best": value, "row_step": report.step}, None
        return self._evaluated(state, value, report.step)

    def _evaluated(self, state: State, value: float, step: int) -> tuple[State, str | None]:
        if state["steps"] == 0:
            raise ConfigError(
                f"stopping.{NAME}: no {self.player}/loss was logged before step {step}"
            )
        mean = check_positive(NAME, f"{self.player}/loss", state["sum"] / state["steps"], step)
        best, strip = min(value, state["best"]), [*state["strip"], mean]
        state = {**state, "best": best, "sum": 0.0, "steps": 0, "strip": strip}
        if len(strip) < self.strip:
            return state, None
        lost = generalization_loss(value, best)
        progress = 1000 * (sum(strip) / (len(strip) * min(strip)) - 1)
        quotient = lost / progress if progress > 0 else None
        state = {**state, "strip": [], "quotient": quotient}
        if lost <= self.threshold * max(progress, 0.0):
            return state, None
        return state, (
            f"progress_quotient: {self.monitor} is {lost:.3g} % above its best, {best:.6g}, and "
            f"the training progress {progress:.3g} per mille over {self.strip} evaluations "
            f"(limit {self.threshold:g} times that)"
        )

    def describe(self, state: State) -> str:
        seen = f"{len(state['strip'])} of {self.strip} evaluations"
        last = "" if state["quotient"] is None else f", last {state['quotient']:.2g}"
        return f"progress_quotient: {seen}{last}, limit {self.threshold:g}"
