"""What a run took, as far as it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

PHASES = ("training", "evaluation", "saving")
Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class ResourceUsage:
    """Resumed parts are added up, of peaks the largest counts. None: not known.

    `flops` and `examples` are of training only. What was done after the checkpoint that a killed
    run went on from is in none of it: it was done again.
    """

    steps: int | None = None
    examples: int | None = None
    flops: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)  # by phase
    host_bytes: int | None = None  # the process's peak resident set
    device_bytes: int | None = None  # the GPU's peak
    joules: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it is of a run that never began to train."""
        return not self.steps and not any(self.seconds.values())


def sum_usage(parts: Iterable[ResourceUsage]) -> ResourceUsage:
    """Of several runs together; what is not known of one that trained is not known of them."""
    began = [part for part in parts if not part.is_empty]
    return ResourceUsage(
        steps=sum(part.steps or 0 for part in began),
        examples=sum(part.examples or 0 for part in began),
        flops=_sum_known([part.flops for part in began]),
        seconds={phase: sum(p.seconds.get(phase, 0.0) for p in began) for phase in PHASES},
        host_bytes=_most(began, lambda part: part.host_bytes),
        device_bytes=_most(began, lambda part: part.device_bytes),
        joules=_sum_known([part.joules for part in began]),
    )


def _sum_known(values: Sequence[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(values) else None


def _most(
    parts: Sequence[ResourceUsage], peak: Callable[[ResourceUsage], int | None]
) -> int | None:
    return max((value for value in map(peak, parts) if value is not None), default=None)
