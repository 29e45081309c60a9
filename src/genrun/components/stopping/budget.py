"""A budget of training time, of examples or of arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.core.errors import ConfigError
from genrun.core.types import State, StepReport


@dataclass(frozen=True)
class Budget:
    """Stops at the first step at which a limit is reached; None is no limit.

    `seconds` counts training alone: evaluation, samples and saving are left out, resumed parts
    are added up. So does `flops`, in which every step costs what was counted for one of them.
    """

    seconds: float | None
    examples: int | None
    flops: float | None

    def __post_init__(self) -> None:
        if self.seconds is None and self.examples is None and self.flops is None:
            raise ValueError("needs seconds=…, examples=… or flops=…")

    def start(self) -> State:
        return {}

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        # The seconds are not kept: the state is part of what must resume to the same bytes.
        if self.examples is not None and report.examples >= self.examples:
            return state, f"budget: {report.examples} examples (limit {self.examples})"
        if self.seconds is not None and report.seconds >= self.seconds:
            return state, f"budget: {report.seconds:.1f} s of training (limit {self.seconds:g} s)"
        if self.flops is None:
            return state, None
        if report.flops is None:
            raise ConfigError("stopping.budget.flops: the FLOPs of a step were not counted")
        if report.flops >= self.flops:
            return state, f"budget: {report.flops:.6g} FLOPs (limit {self.flops:g})"
        return state, None

    def describe(self, state: State) -> str:
        limits = {"s": self.seconds, "examples": self.examples, "FLOPs": self.flops}
        return "budget: " + ", ".join(f"{v:g} {k}" for k, v in limits.items() if v is not None)
