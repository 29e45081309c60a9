"""The device and the number of threads that a process computes with."""

from __future__ import annotations

import torch

from genrun.core.errors import ConfigError, DeviceUnavailable
from genrun.core.process_rank import ProcessRank

_available = torch.get_num_threads()  # torch's own choice, read before anything changes it


def available_threads() -> int:
    """Returns the number of threads of a run whose configuration does not set it."""
    return _available


def limit_threads(count: int) -> None:
    """Limits this process to `count` threads, since others train on the same machine."""
    global _available
    _available = count
    torch.set_num_threads(count)


def find_device(name: str, rank: ProcessRank) -> torch.device:
    """Returns the device of a name; of several processes each gets the GPU of its local rank.

    Raises `DeviceUnavailable` if it does not exist, `ConfigError` if the name is invalid.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not (kind == "cuda" and index.isdigit())):
        raise ConfigError(f"runtime.device={name}: must be auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda" and not torch.cuda.is_available():
        raise DeviceUnavailable(f"runtime.device={name}: no CUDA GPU is available; use cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceUnavailable(f"runtime.device={name}: no Apple GPU is available; use cpu")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        raise DeviceUnavailable(
            f"runtime.device={name}: the available GPUs are cuda:0 to cuda:{last}"
        )
    if rank.world_size > 1:
        return _own_device(name, kind, rank)
    return torch.device(kind, int(index or 0)) if kind == "cuda" else torch.device(kind)


def _own_device(name: str, kind: str, rank: ProcessRank) -> torch.device:
    if kind == "cpu":
        return torch.device(kind)
    if kind == "mps" or ":" in name:
        raise ConfigError(
            f"runtime.device={name}: each of {rank.world_size} processes needs a GPU to "
            "itself; must be auto, cpu or cuda"
        )
    gpus = torch.cuda.device_count()
    if rank.local_rank >= gpus:
        raise DeviceUnavailable(
            f"runtime.device={name}: {rank.local_world_size} processes were started on this "
            f"machine, which has {gpus} GPUs; use torchrun --nproc-per-node={gpus}, or "
            "runtime.device=cpu"
        )
    torch.cuda.set_device(rank.local_rank)  # NCCL uses the current device
    return torch.device(kind, rank.local_rank)


def idle_gpus(name: str, processes: int) -> str | None:
    """Returns how to use the machine's other GPUs, or None if there are none to use."""
    if processes > 1 or name not in ("auto", "cuda") or not torch.cuda.is_available():
        return None
    count = torch.cuda.device_count()
    if count < 2:
        return None
    uses = "uses both" if count == 2 else f"uses all {count}"
    return (
        f"{count} GPUs are available and one is used; "
        f"torchrun --nproc-per-node={count} -m genrun … {uses}"
    )
