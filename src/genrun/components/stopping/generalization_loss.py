"""Stop when the held-out metric is too far above its best: GL (Prechelt, 1998)."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.components.stopping._prechelt import check_positive, generalization_loss
from genrun.core.types import State, StepReport


@dataclass(frozen=True)
class GeneralizationLoss:
    """GL_alpha: stops at the first value over `threshold` percent above the lowest so far.

    Prechelt, "Early Stopping - But When?": GL(t) = 100 (E_va(t) / E_opt(t) - 1) > alpha, with
    evaluations in place of epochs. Raises `ConfigError` if a value is not above 0.
    """

    threshold: float
    monitor: str | None

    def start(self) -> State:
        return {"best": None, "loss": None}

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        value = report.metrics.get(self.monitor or "")
        if value is None:
            return state, None
        check_positive("generalization_loss", f"held_out/{self.monitor}", value, report.step)
        best = value if state["best"] is None else min(value, state["best"])
        loss = generalization_loss(value, best)
        reason = (
            f"generalization_loss: {self.monitor} is {loss:.3g} % above its best, {best:.6g} "
            f"(limit {self.threshold:g} %)"
        )
        return {"best": best, "loss": loss}, reason if loss > self.threshold else None

    def describe(self, state: State) -> str:
        loss = "not yet evaluated" if state["loss"] is None else f"{state['loss']:.2g} %"
        return f"generalization_loss: {loss}, limit {self.threshold:g} %"
