"""The device that a run computes on."""

from __future__ import annotations

import torch

from genrun.core.errors import ConfigError, DeviceUnavailable
from genrun.core.process_rank import ProcessRank

# MERGED: How many threads a run has that asks for no number of its own.
_available = torch.get_num_threads()  # what torch found when it was imported


def available_threads() -> int:
    return _available


def limit_threads(count: int) -> None:
    """This process may use so many: others train beside it."""
    global _available
    _available = count
    torch.set_num_threads(count)


def find_device(name: str, place: ProcessRank) -> torch.device:
    """Of several processes on a machine each has the GPU of its number.

    Raises `DeviceUnavailable`, or `ConfigError` for what is no device.
    """
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
    if place.world_size > 1:
        return _own_device(name, kind, place)
    return torch.device(kind, int(index or 0)) if kind == "cuda" else torch.device(kind)


def _own_device(name: str, kind: str, place: ProcessRank) -> torch.device:
    if kind == "cpu":
        return torch.device(kind)
    if kind == "mps" or ":" in name:
        raise ConfigError(
            f"runtime.device={name}: each of {place.world_size} processes has a GPU of its own; "
            "must be auto, cpu or cuda"
        )
    gpus = torch.cuda.device_count()
    if place.local_rank >= gpus:
        raise DeviceUnavailable(
            f"runtime.device={name}: {place.local_world_size} processes were started on this machine "
            f"and it has {gpus} GPUs; torchrun --nproc-per-node={gpus} has one for each, and "
            "runtime.device=cpu needs none"
        )
    torch.cuda.set_device(place.local_rank)  # where NCCL works
    return torch.device(kind, place.local_rank)


def idle_gpus(name: str, processes: int) -> str | None:
    """For a person whose machine has more GPUs than this run uses: how to use them."""
    if processes > 1 or name not in ("auto", "cuda") or not torch.cuda.is_available():
        return None
    count = torch.cuda.device_count()
    if count < 2:
        return None
    uses = "uses both" if count == 2 else f"uses all {count}"
    return (
        f"{count} GPUs are here and one is used; "
        f"torchrun --nproc-per-node={count} -m genrun … {uses}"
    )
