"""Sets up the processes that train one run: device, threads, batch shard, equal weights."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from genrun.core.errors import ConfigError
from genrun.core.process_rank import ProcessRank
from genrun.core.types import BatchShard
from genrun.experiment.device import available_threads, find_device
from genrun.training.distributed.process_group import ProcessGroup
from genrun.training.distributed.sync_batch_norm import share_batch_statistics


@dataclass(frozen=True)
class ProcessTeam:
    """This process among those that train the run; usually it is the only one."""

    rank: ProcessRank
    device: torch.device
    shard: BatchShard | None  # None for a single process, which trains on whole batches
    processes: ProcessGroup

    @contextmanager
    def local_rank_zero_first(self) -> Iterator[None]:
        """On each machine local rank 0 runs the block first, so that the rest find its caches."""
        if self.rank.local_rank > 0:
            self.processes.barrier()
        yield
        if self.rank.local_rank == 0:
            self.processes.barrier()


def join_team(config: Mapping[str, Any]) -> ProcessTeam:
    """Sets up this process; under torchrun, joins the process group.

    Raises `ConfigError` if the batch, the device or the threads cannot be divided as configured.
    """
    rank = ProcessRank.from_environment()
    shard = batch_shard(config, rank)
    device = find_device(config["runtime"]["device"], rank)
    # Subnormal numbers are a hundred times slower on a CPU, and Adam's moments of rarely active
    # weights decay into them.
    torch.set_flush_denormal(True)
    torch.set_num_threads(count_threads(config, rank))
    return ProcessTeam(rank, device, shard, ProcessGroup.join(rank, device))


def batch_shard(config: Mapping[str, Any], rank: ProcessRank) -> BatchShard | None:
    """Returns the rows of each batch that this process trains on; None for a single process.

    Raises `ConfigError` if the batch cannot be divided equally.
    """
    if rank.world_size == 1:
        return None
    batch_size = config["data"]["batch_size"]
    rows, rest = divmod(batch_size, rank.world_size)
    if rest:
        raise ConfigError(
            f"data.batch_size={batch_size}: must be a multiple of {rank.world_size}, as each of "
            f"{rank.world_size} processes trains on an equal share of every batch"
        )
    return BatchShard(rank.rank, rank.world_size, rows)


def count_threads(config: Mapping[str, Any], rank: ProcessRank) -> int:
    """Returns the threads of one operation: by default all cores, divided among local processes.

    torchrun sets OMP_NUM_THREADS to 1 if it is unset; any other number is the user's. Raises
    `ConfigError` if the configuration sets more than there are cores.
    """
    configured = config["runtime"]["threads"]
    cores = os.cpu_count() or 1
    if (
        configured is None
        and rank.local_world_size > 1
        and os.environ.get("OMP_NUM_THREADS", "1") == "1"
    ):
        return max(1, cores // rank.local_world_size)
    if configured is None:
        return available_threads()
    if configured > max(cores, available_threads()):
        raise ConfigError(f"runtime.threads={configured}: this machine has {cores} cores")
    return int(configured)


def has_sync_batch_norm(config: Mapping[str, Any], processes: ProcessGroup) -> bool:
    """Whether batch normalization uses the statistics of all processes."""
    return processes.world_size > 1 and bool(config["runtime"]["sync_batch_norm"])


def sync_batch_norm_layers(
    nets: nn.ModuleDict, config: Mapping[str, Any], processes: ProcessGroup
) -> None:
    """Synchronizes batch normalization if so configured. Raises `ConfigError` if compiled."""
    if not has_sync_batch_norm(config, processes):
        return
    if config["runtime"]["compile"]:
        raise ConfigError(
            "runtime.sync_batch_norm=true: cannot be compiled; set runtime.compile=false"
        )
    share_batch_statistics(nets, processes)


def broadcast_weights(
    nets: nn.ModuleDict, config: Mapping[str, Any], data_digest: str, processes: ProcessGroup
) -> None:
    """Copies the weights of rank 0 to all processes.

    Machines with different processors may initialize weights that differ in the last bit. Raises
    `ConfigError` if the configuration or the data of a process differ.
    """
    if processes.world_size == 1:
        return
    described = json.dumps([config, data_digest], sort_keys=True)
    digest = hashlib.sha256(described.encode()).hexdigest()
    if processes.broadcast_object(digest) != digest:
        raise ConfigError(
            "data: the configuration or the images differ from those of process 0; start "
            "all processes with the same command and the same files"
        )
    processes.broadcast(list(nets.state_dict().values()))
