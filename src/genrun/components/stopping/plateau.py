"""Stop when the curve is flat."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import linear_regression

from genrun.core.types import State, StepReport


@dataclass(frozen=True)
class Plateau:
    """Stops when a straight line through the last `window` evaluations is flat.

    Flat means: over the window the fitted line falls by less than `tolerance` times the
    window's mean magnitude. Unlike patience this looks at the trend, so that one lucky
    evaluation neither stops a run nor keeps it alive. A rising curve counts as flat.
    """

    window: int
    tolerance: float
    monitor: str | None

    def start(self) -> State:
        return {"values": []}

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        value = report.metrics.get(self.monitor or "")
        if value is None:
            return state, None
        values = [*state["values"], value][-self.window :]
        state = {"values": values}
        if len(values) < self.window:
            return state, None
        fall = self._relative_fall(values)
        if fall >= self.tolerance:
            return state, None
        return state, (
            f"plateau: over {self.window} evaluations {self.monitor} fell by "
            f"{100 * fall:.2g} % (less than {100 * self.tolerance:g} %)"
        )

    def describe(self, state: State) -> str:
        seen = len(state["values"])
        if seen < self.window:
            return f"plateau: {seen} of {self.window} evaluations seen"
        return (
            f"plateau: falling {100 * self._relative_fall(state['values']):.2g} % over "
            f"{self.window} evaluations"
        )

    def _relative_fall(self, values: list[float]) -> float:
        slope = linear_regression(range(len(values)), values).slope
        scale = sum(map(abs, values)) / len(values)
        return -slope * (len(values) - 1) / scale if scale else 0.0
