"""Checks that networks and samples fit in memory, and what a checkpoint takes on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from genrun.core.errors import OutOfMemory
from genrun.core.formatting import format_bytes
from genrun.core.memory import free_bytes
from genrun.core.process_rank import ProcessRank

SAMPLE_COPIES = 2  # samples are drawn in batches and then concatenated

if TYPE_CHECKING:
    from genrun.experiment.build import Built


def build_on_meta(make: Callable[[], nn.ModuleDict]) -> nn.ModuleDict | None:
    """Returns the networks on the meta device, or None if their code needs values.

    Raises `OutOfMemory` if a size overflows.
    """
    try:
        with torch.device("meta"):
            return make()
    except Exception as error:
        if "overflow" in str(error):
            raise OutOfMemory("the networks are larger than any memory") from error
        return None  # building the networks on a real device reports what is wrong


def check_networks_fit(nets: nn.ModuleDict) -> None:
    """Raises `OutOfMemory` if the weights alone exceed the free memory."""
    needed = sum(t.numel() * t.element_size() for t in nets.state_dict().values())
    free = free_bytes()
    if free is not None and needed > free:
        raise OutOfMemory(
            f"the networks need {format_bytes(needed)} and {format_bytes(free)} of memory "
            "are free; make the backbone or model.latent_dim smaller"
        )


def check_samples_fit(count: int, values: int) -> None:
    """Raises `OutOfMemory` if `count` samples of `values` float32 numbers do not fit."""
    needed = SAMPLE_COPIES * count * values * torch.float32.itemsize
    free = free_bytes()
    if free is not None and needed > free:
        raise OutOfMemory(
            f"count={count}: needs {format_bytes(needed)} and {format_bytes(free)} of "
            "memory are free; draw fewer at a time, each time with another seed"
        )


@contextmanager
def memory_errors(config: Mapping[str, Any]) -> Iterator[None]:
    """Turns out-of-memory errors into an `OutOfMemory` that suggests a batch size."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        on_cpu = "DefaultCPUAllocator: can't allocate memory" in str(error)
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and not on_cpu:
            raise
        batch_size = config["data"]["batch_size"]
        processes = ProcessRank.from_environment().world_size
        raise OutOfMemory(
            f"out of memory with data.batch_size={batch_size}; "
            f"try data.batch_size={max(1, batch_size // 2 // processes) * processes}"
        ) from error


STATES = 2  # values an optimizer has for each parameter; a few have more


def checkpoint_bytes(built: Built) -> int:
    """Estimates a checkpoint's size: networks, averages, states of optimizers and updates."""
    trial = built.trial
    networks = sum(t.numel() * t.element_size() for t in trial.nets.state_dict().values())
    trained = sum(p.numel() * p.element_size() for p in trial.nets.parameters())
    averaged = networks if trial.average.nets is not trial.nets else 0
    memories = [m for memory in trial.memory.values() for m in memory.values()]
    remembered = sum(t.numel() * t.element_size() for m in memories for t in m)
    groups = [group for o in trial.optimizers.values() for group in o.param_groups]
    pairs = max(
        group.get("history_size", 0) for group in groups
    )  # of L-BFGS, each as large as the weights
    return int(networks + averaged + remembered + (STATES + 2 * pairs) * trained)
