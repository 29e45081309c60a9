"""Joules that the machine used, where the platform tells."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

POWERCAP = Path("/sys/class/powercap")
PACKAGE = re.compile(r"intel-rapl:[0-9]+")  # a sub-domain has a second number, and is part of it
MICRO, MILLI = 1e-6, 1e-3


@dataclass
class EnergyCounter:
    """A count of joules that only grows, and where `span` is given starts again from 0 there."""

    read: Callable[[], float]
    span: float | None = None
    used: float = 0.0
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.read()

    def update(self) -> float:
        """Joules since it was made. Needs to be asked more than once in every `span`."""
        now = self.read()
        if now >= self._last:
            self.used += now - self._last
        elif self.span is not None:
            self.used += now + self.span - self._last
        self._last = now
        return self.used


@dataclass
class Energy:
    """Joules by what tells them: `rapl` of processor packages, `nvml` of the GPU.

    Both count everything that the chip does, other processes and an idle machine's share among
    them; a package's count has its cores, caches and, on some, the memory controller, and neither
    has fans, disks and what the power supply loses. Where a
    source cannot be read any more, nothing is known any more.
    """

    counters: dict[str, list[EnergyCounter]]

    @classmethod
    def of(cls, device: torch.device, powercap: Path = POWERCAP) -> Energy:
        """Of this machine's packages, and of `device` where it is a GPU; of nothing, it may be."""
        found = {"rapl": packages(powercap), "nvml": gpu(device)}
        return cls({name: counters for name, counters in found.items() if counters})

    def read(self) -> float | None:
        """Joules since it was made, of all sources; None where there is none."""
        if not self.counters:
            return None
        try:
            return sum(c.update() for counters in self.counters.values() for c in counters)
        except Exception:  # a driver can fail in ways of its own
            self.counters.clear()
            return None

    @property
    def sources(self) -> list[str]:
        return list(self.counters)


def packages(powercap: Path) -> list[EnergyCounter]:
    """RAPL's packages (Linux's powercap, of Intel and AMD); none where one cannot be read.

    Most systems let only root read them. The whole platform (`psys`) holds packages, and is left
    out.
    """
    try:
        found = sorted(path for path in powercap.iterdir() if PACKAGE.fullmatch(path.name))
        names = [(path / "name").read_text().strip() for path in found]
        return [
            EnergyCounter(
                _joules_in(path / "energy_uj"), _joules_in(path / "max_energy_range_uj")()
            )
            for path, name in zip(found, names, strict=True)
            if name.startswith("package")
        ]
    except (OSError, ValueError):
        return []


def _joules_in(path: Path) -> Callable[[], float]:
    return lambda: int(path.read_text()) * MICRO


def gpu(device: torch.device) -> list[EnergyCounter]:
    """NVML's count of one GPU (Volta and later), where the package nvidia-ml-py is installed."""
    if device.type != "cuda":
        return []
    with contextlib.suppress(Exception):  # no package, no driver, no permission, an older GPU
        import pynvml

        pynvml.nvmlInit()
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        handle: Any = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        return [EnergyCounter(lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) * MILLI)]
    return []
