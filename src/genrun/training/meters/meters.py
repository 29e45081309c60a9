"""What a training takes: seconds, memory, energy."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from genrun.core.usage import ResourceUsage
from genrun.training.meters.energy import Energy

# MERGED: The most memory that was in use at once.
UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


def host_peak_bytes() -> int:
    """This process's peak resident set since it began: the data and libraries are in it.

    Runs that share a process, as several `genrun.train` do, share the peak too.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def reset_device_peak(device: torch.device) -> None:
    """Forgets what was in use before, such as the copy on which a step's FLOPs were counted."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def device_peak_bytes(device: torch.device) -> int | None:
    """The most that tensors took at once on this GPU; None on other devices."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


# MERGED: Seconds by what they were spent on.
@dataclass
class Clock:
    """Seconds by what they were spent on, earlier parts of a resumed run included."""

    seconds: dict[str, float] = field(
        default_factory=lambda: {"training": 0.0, "evaluation": 0.0, "saving": 0.0}
    )
    _since: float = field(default_factory=time.perf_counter)
    _kind: str = "training"

    def read(self) -> dict[str, float]:
        now = time.perf_counter()
        self.seconds[self._kind] += now - self._since
        self._since = now
        return dict(self.seconds)

    def training_seconds(self) -> float:
        """Seconds of training."""
        return self.read()["training"]

    @contextmanager
    def measure(self, kind: str) -> Iterator[None]:
        """Time spent inside counts as `kind`."""
        self.read()
        before, self._kind = self._kind, kind
        try:
            yield
        finally:
            self.read()
            self._kind = before


@dataclass
class Meters:
    """What this part of a run takes, added to what earlier parts took.

    Memory and energy are read where a row of the log is due and at the end, never in a step. Of
    several processes they are those of the first, and of its GPU.
    """

    device: torch.device
    earlier: ResourceUsage | None = None  # None: there is no earlier part
    clock: Clock = field(default_factory=Clock)
    _energy: Energy = field(init=False)

    def __post_init__(self) -> None:
        if self.earlier is not None:
            self.clock.seconds |= self.earlier.seconds
        reset_device_peak(self.device)
        self._energy = Energy.of(self.device)

    def timings(self) -> dict[str, float]:
        """For timings.jsonl: what has been taken so far, by name; only what is known."""
        joules, host, device = self._read()
        known = {"energy_joules": joules, "host_peak_bytes": host, "device_peak_bytes": device}
        return {name: value for name, value in known.items() if value is not None}

    def summarize(self, steps: int, examples: int, flops: int | None) -> dict[str, Any]:
        """For run.json. `flops` are of training only: no evaluation, no drawing of samples."""
        joules, host, device = self._read()
        return {
            "steps": steps,
            "examples": examples,
            "flops": flops,
            "seconds": _rounded(self.clock.read()),
            "peak_memory_bytes": {"host": host, "device": device},
            "energy_joules": None if joules is None else round(joules, 3),
            "energy_sources": [] if joules is None else self._energy.sources,
        }

    def _read(self) -> tuple[float | None, int, int | None]:
        """Joules, which are not known where those of an earlier part are not, and both peaks."""
        joules, host, device = self._energy.read(), host_peak_bytes(), self._device_peak()
        if (before := self.earlier) is None:
            return joules, host, device
        known = joules is not None and before.joules is not None
        joules = (joules or 0.0) + (before.joules or 0.0) if known else None
        peaks = [peak for peak in (device, before.device_bytes) if peak is not None]
        return joules, max(host, before.host_bytes or 0), max(peaks, default=None)

    def _device_peak(self) -> int | None:
        with contextlib.suppress(RuntimeError):  # a GPU that a failed run has left unusable
            return device_peak_bytes(self.device)
        return None


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in seconds.items()}
