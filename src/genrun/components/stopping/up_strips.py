"""Stop when the held-out metric rises in several strips in a row: UP (Prechelt, 1998)."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.core.types import State, StepReport


@dataclass(frozen=True)
class UpStrips:
    """UP_s: stops when the metric rose from the end of a strip to the next, `strips` in a row.

    Prechelt, "Early Stopping - But When?": UP_s stops after t if UP_(s-1) stops after t - k and
    E_va(t) > E_va(t - k), with `strip` evaluations for the k epochs of a strip. The first
    evaluation, at step 0, is t = 0.
    """

    strips: int
    strip: int
    monitor: str | None

    def start(self) -> State:
        return {"end": None, "seen": 0, "rises": 0}  # end: the value at the last strip's end

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        value = report.metrics.get(self.monitor or "")
        if value is None:
            return state, None
        if state["end"] is None:
            return {**state, "end": value}, None
        seen = state["seen"] + 1
        if seen < self.strip:
            return {**state, "seen": seen}, None
        rises = state["rises"] + 1 if value > state["end"] else 0
        state = {"end": value, "seen": 0, "rises": rises}
        if rises < self.strips:
            return state, None
        return state, (
            f"up_strips: {self.monitor} rose to {value:.6g} in {rises} strips of {self.strip} "
            "evaluations in a row"
        )

    def describe(self, state: State) -> str:
        return f"up_strips: {state['rises']} of {self.strips} strips rose in a row"
