"""What training costs: seconds by phase, peak memory and energy."""

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

RU_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss


def host_peak_bytes() -> int:
    """This process's peak resident set, including data and libraries.

    Runs in the same process, as after several `genrun.train`, share the peak.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RU_MAXRSS_BYTES


def reset_device_peak(device: torch.device) -> None:
    """Resets the peak, so that memory used before training (counting FLOPs) is left out."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def device_peak_bytes(device: torch.device) -> int | None:
    """The peak memory of tensors on this GPU; None on other devices."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


@dataclass
class Clock:
    """Seconds by phase, including the earlier parts of a resumed run."""

    seconds: dict[str, float] = field(
        default_factory=lambda: {"training": 0.0, "evaluation": 0.0, "saving": 0.0}
    )
    _since: float = field(default_factory=time.perf_counter)
    _phase: str = "training"

    def read(self) -> dict[str, float]:
        now = time.perf_counter()
        self.seconds[self._phase] += now - self._since
        self._since = now
        return dict(self.seconds)

    def training_seconds(self) -> float:
        return self.read()["training"]

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """While open, time counts as `phase`."""
        self.read()
        previous, self._phase = self._phase, phase
        try:
            yield
        finally:
            self.read()
            self._phase = previous


@dataclass
class Meters:
    """What this part of a run costs, added to what earlier parts did.

    Memory and energy are read when a row of the log is due and at the end, never in a step. With
    several processes they are rank 0's, and its GPU's.
    """

    device: torch.device
    earlier: ResourceUsage | None = None  # of the parts before a resume; None: there are none
    clock: Clock = field(default_factory=Clock)
    _energy: Energy = field(init=False)

    def __post_init__(self) -> None:
        if self.earlier is not None:
            self.clock.seconds |= self.earlier.seconds
        reset_device_peak(self.device)
        self._energy = Energy.for_device(self.device)

    def timings(self) -> dict[str, float]:
        """The values known so far, by name, for a row of timings.jsonl."""
        joules, host, device = self._read()
        known = {"energy_joules": joules, "host_peak_bytes": host, "device_peak_bytes": device}
        return {name: value for name, value in known.items() if value is not None}

    def summarize(self, steps: int, examples: int, flops: int | None) -> dict[str, Any]:
        """The entry `compute` of run.json. `flops` are of training only, without evaluation."""
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
        """Joules (None if an earlier part's are unknown), the host's and the device's peak."""
        joules, host, device = self._energy.read(), host_peak_bytes(), self._device_peak()
        if (earlier := self.earlier) is None:
            return joules, host, device
        known = joules is not None and earlier.joules is not None
        joules = (joules or 0.0) + (earlier.joules or 0.0) if known else None
        peaks = [peak for peak in (device, earlier.device_bytes) if peak is not None]
        return joules, max(host, earlier.host_bytes or 0), max(peaks, default=None)

    def _device_peak(self) -> int | None:
        with contextlib.suppress(RuntimeError):  # a failed run can leave a GPU unusable
            return device_peak_bytes(self.device)
        return None


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in seconds.items()}
