"""The most memory that was in use at once."""

from __future__ import annotations

import resource
import sys

import torch

UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


def host_peak_bytes() -> int:
    """This process's peak resident set since it began: the data and libraries are in it.

    Runs that share a process, as several `genrun.train` do, share the peak too.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def begin_device_peak(device: torch.device) -> None:
    """Forgets what was in use before, such as the copy on which a step's FLOPs were counted."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def device_peak_bytes(device: torch.device) -> int | None:
    """The most that tensors took at once on this GPU; None on other devices."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
