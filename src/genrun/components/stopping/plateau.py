"""Stop when the held-out metric no longer falls."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import linear_regression

from genrun.core.types import State, StepReport


@dataclass(frozen=True)
class Plateau:
    """Stops when a line fitted to the last `window` evaluations is flat or rises.

    It is flat if it falls over the window by less than `tolerance` times the mean magnitude of
    the values. The fit is less sensitive than patience to a single low or high value.
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
        count = len(state["values"])
        if count < self.window:
            return f"plateau: {count} of {self.window} evaluations"
        return (
            f"plateau: falling {100 * self._relative_fall(state['values']):.2g} % over "
            f"{self.window} evaluations"
        )

    def _relative_fall(self, values: list[float]) -> float:
        """Returns the fall of the fitted line over the window, relative to the mean magnitude."""
        slope = linear_regression(range(len(values)), values).slope
        scale = sum(map(abs, values)) / len(values)
        return -slope * (len(values) - 1) / scale if scale else 0.0
