"""Resource usage of runs: steps, examples, FLOPs, seconds, memory and energy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

PHASES = ("training", "evaluation", "saving")
Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class ResourceUsage:
    """The resource usage of a run over all its resumed parts; None stands for unknown.

    `flops` and `examples` are of training only. Work after the checkpoint from which a killed run
    was resumed is not included, as it was repeated.
    """

    steps: int | None = None
    examples: int | None = None
    flops: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)  # by phase
    host_bytes: int | None = None  # the largest peak of the process's resident set
    device_bytes: int | None = None  # the largest peak of the GPU's memory
    joules: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the run never started to train."""
        return not self.steps and not any(self.seconds.values())


def sum_usage(parts: Iterable[ResourceUsage]) -> ResourceUsage:
    """Returns the usage of several runs; a sum is None if any run that trained lacks the value."""
    started = [part for part in parts if not part.is_empty]
    return ResourceUsage(
        steps=sum(part.steps or 0 for part in started),
        examples=sum(part.examples or 0 for part in started),
        flops=_sum_known([part.flops for part in started]),
        seconds={phase: sum(p.seconds.get(phase, 0.0) for p in started) for phase in PHASES},
        host_bytes=_max_known(started, lambda part: part.host_bytes),
        device_bytes=_max_known(started, lambda part: part.device_bytes),
        joules=_sum_known([part.joules for part in started]),
    )


def _sum_known(values: Sequence[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(values) else None


def _max_known(
    parts: Sequence[ResourceUsage], peak: Callable[[ResourceUsage], int | None]
) -> int | None:
    return max((value for value in map(peak, parts) if value is not None), default=None)
