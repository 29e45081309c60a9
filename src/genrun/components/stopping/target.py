"""Stop when a held-out metric reaches a target."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.core.types import State, StepReport


@dataclass(frozen=True)
class Target:
    """Stops at the first evaluation at or below `value`.

    `monitor` is a held-out metric, None the run's own; lower is better.
    """

    value: float
    monitor: str | None

    def start(self) -> State:
        return {"last": None}

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        value = report.metrics.get(self.monitor or "")
        if value is None:
            return state, None
        reason = f"target: {self.monitor} is {value:.6g}, at or below {self.value:g}"
        return {"last": value}, reason if value <= self.value else None

    def describe(self, state: State) -> str:
        last = "not yet evaluated" if state["last"] is None else f"{state['last']:.4g}"
        return f"target: {last}, to reach {self.value:g}"
