"""The device that a run computes on."""

from __future__ import annotations

import torch

from genrun.core.errors import ConfigError, DeviceUnavailable


def find_device(name: str) -> torch.device:
    """Raises `DeviceUnavailable`, or `ConfigError` for what is no device."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not (kind == "cuda" and index.isdigit())):
        raise ConfigError(f"runtime.device={name}: must be auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda" and not torch.cuda.is_available():
        raise DeviceUnavailable(f"runtime.device={name}: there is no CUDA GPU here; cpu is")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceUnavailable(f"runtime.device={name}: there is no Apple GPU here; cpu is")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        raise DeviceUnavailable(f"runtime.device={name}: the GPUs here are cuda:0 to cuda:{last}")
    return torch.device(kind, int(index or 0)) if kind == "cuda" else torch.device(kind)
