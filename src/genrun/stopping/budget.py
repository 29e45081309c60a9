"""A budget of training time or of examples."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.core.types import Report, State


@dataclass(frozen=True)
class Budget:
    """Stops at the first step at which a limit is reached; None is no limit.

    `seconds` counts training alone: evaluation, samples and saving are left out, resumed parts
    are added up.
    """

    seconds: float | None
    examples: int | None

    def __post_init__(self) -> None:
        if self.seconds is None and self.examples is None:
            raise ValueError("needs seconds=… or examples=…")

    def start(self) -> State:
        return {}

    def observe(self, state: State, report: Report) -> tuple[State, str | None]:
        # The seconds are not kept: the state is part of what must resume to the same bytes.
        if self.examples is not None and report.examples >= self.examples:
            return state, f"budget: {report.examples} examples (limit {self.examples})"
        if self.seconds is not None and report.seconds >= self.seconds:
            return state, f"budget: {report.seconds:.1f} s of training (limit {self.seconds:g} s)"
        return state, None

    def describe(self, state: State) -> str:
        limits = {"s": self.seconds, "examples": self.examples}
        return "budget: " + ", ".join(f"{v:g} {k}" for k, v in limits.items() if v is not None)
