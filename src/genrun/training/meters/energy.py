"""Energy used by the machine, in joules, if the platform measures it."""

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
    """A growing count of joules, which wraps around to 0 at `span` if that is given."""

    read: Callable[[], float]
    span: float | None = None
    used: float = 0.0
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.read()

    def update(self) -> float:
        """Returns the joules since it was created. Must be called more than once per `span`."""
        now = self.read()
        if now >= self._last:
            self.used += now - self._last
        elif self.span is not None:
            self.used += now + self.span - self._last
        self._last = now
        return self.used


@dataclass
class Energy:
    """Joules by source: `rapl` for processor packages, `nvml` for the GPU.

    Both count everything that the chip does, including other processes and idle power. A package's
    count covers its cores, caches and, on some processors, the memory controller; fans, disks and
    losses of the power supply are in neither. If a source can no longer be read, the energy is
    unknown from then on.
    """

    counters: dict[str, list[EnergyCounter]]

    @classmethod
    def for_device(cls, device: torch.device, powercap: Path = POWERCAP) -> Energy:
        """The sources of this machine: its packages, and `device` if that is a GPU; maybe none."""
        found = {"rapl": rapl_counters(powercap), "nvml": nvml_counters(device)}
        return cls({name: counters for name, counters in found.items() if counters})

    def read(self) -> float | None:
        """Returns the joules of all sources since creation; None if there is no source."""
        if not self.counters:
            return None
        try:
            return sum(c.update() for counters in self.counters.values() for c in counters)
        except Exception:  # drivers fail in unpredictable ways
            self.counters.clear()
            return None

    @property
    def sources(self) -> list[str]:
        return list(self.counters)


def rapl_counters(powercap: Path) -> list[EnergyCounter]:
    """Returns a counter for each RAPL package (Linux powercap, Intel and AMD).

    Returns none if one cannot be read; most systems let only root read them. The domain of the
    platform (`psys`) contains the packages, and is left out.
    """
    try:
        found = sorted(path for path in powercap.iterdir() if PACKAGE.fullmatch(path.name))
        names = [(path / "name").read_text().strip() for path in found]
        return [
            EnergyCounter(
                _reader_of(path / "energy_uj"), _reader_of(path / "max_energy_range_uj")()
            )
            for path, name in zip(found, names, strict=True)
            if name.startswith("package")
        ]
    except (OSError, ValueError):
        return []


def _reader_of(path: Path) -> Callable[[], float]:
    return lambda: int(path.read_text()) * MICRO


def nvml_counters(device: torch.device) -> list[EnergyCounter]:
    """Returns NVML's counter of one GPU (Volta and later), if nvidia-ml-py is installed."""
    if device.type != "cuda":
        return []
    with contextlib.suppress(Exception):  # no package, no driver, no permission, an older GPU
        import pynvml

        pynvml.nvmlInit()
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        handle: Any = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        return [EnergyCounter(lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) * MILLI)]
    return []
