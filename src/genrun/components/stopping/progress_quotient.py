"""Stop when generalization loss outweighs training progress: PQ (Prechelt, 1998)."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.components.stopping._prechelt import check_positive, generalization_loss
from genrun.core.errors import ConfigError
from genrun.core.types import State, StepReport

NAME = "progress_quotient"


@dataclass(frozen=True)
class ProgressQuotient:
    """PQ_alpha: stops at the first end of a strip at which GL(t) / P_k(t) exceeds `threshold`.

    Prechelt, "Early Stopping - But When?", with evaluations in place of epochs: a strip is `strip`
    evaluations; GL(t) is by how many percent the held-out metric lies above its lowest; the
    training progress is P_k(t) = 1000 (mean(E_tr) / min(E_tr) - 1) over the strip, where E_tr(t)
    is the training loss of `player`, penalties included, averaged over the steps between two
    evaluations. Without progress any generalization loss stops the run. The first evaluation, at
    step 0, precedes the first strip. Raises `ConfigError` if a value is not above 0.
    """

    threshold: float
    strip: int
    monitor: str | None
    player: str | None

    def __post_init__(self) -> None:
        if self.strip < 2:
            raise ValueError(f"strip={self.strip}: must be at least 2, to measure progress")

    def start(self) -> State:
        return {
            "best": None,
            "row_step": 0,  # step of the last row
            "sum": 0.0,  # of the loss over the steps since the last evaluation
            "steps": 0,  # number of these steps
            "strip": [],  # E_tr of each evaluation in this strip
            "quotient": None,  # at the end of the last strip; None if P was 0
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
        return self._observe_evaluation(state, value, report.step)

    def _observe_evaluation(
        self, state: State, value: float, step: int
    ) -> tuple[State, str | None]:
        if state["steps"] == 0:
            raise ConfigError(
                f"stopping.{NAME}: no {self.player}/loss was logged before step {step}"
            )
        mean = state["sum"] / state["steps"]
        check_positive(NAME, f"{self.player}/loss", mean, step)
        best, strip = min(value, state["best"]), [*state["strip"], mean]
        state = {**state, "best": best, "sum": 0.0, "steps": 0, "strip": strip}
        if len(strip) < self.strip:
            return state, None
        loss = generalization_loss(value, best)
        progress = 1000 * (sum(strip) / (len(strip) * min(strip)) - 1)
        quotient = loss / progress if progress > 0 else None
        state = {**state, "strip": [], "quotient": quotient}
        if loss <= self.threshold * max(progress, 0.0):
            return state, None
        return state, (
            f"progress_quotient: {self.monitor} is {loss:.3g} % above its best, {best:.6g}, and "
            f"the training progress {progress:.3g} per mille over {self.strip} evaluations "
            f"(limit {self.threshold:g} times that)"
        )

    def describe(self, state: State) -> str:
        count = f"{len(state['strip'])} of {self.strip} evaluations"
        last = "" if state["quotient"] is None else f", last {state['quotient']:.2g}"
        return f"progress_quotient: {count}{last}, limit {self.threshold:g}"
