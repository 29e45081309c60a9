"""Stop when a budget of training time, examples or FLOPs is spent."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.core.errors import ConfigError
from genrun.core.types import State, StepReport


@dataclass(frozen=True)
class Budget:
    """Stops at the first step at which a limit is reached; None is no limit.

    `seconds` and `flops` are of training only, without evaluation, sampling and saving, summed
    over resumed parts. The FLOPs of a step are counted once.
    """

    seconds: float | None
    examples: int | None
    flops: float | None

    def __post_init__(self) -> None:
        if self.seconds is None and self.examples is None and self.flops is None:
            raise ValueError("set at least one of seconds, examples and flops")

    def start(self) -> State:
        return {}

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        # The state has no seconds: a resumed run must end with the same bytes as an uninterrupted
        # one.
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
