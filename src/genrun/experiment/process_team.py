"""What each of several processes that train one run has of it."""

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
    """The processes that train one run, as this one sees them; mostly it is alone."""

    place: ProcessRank
    device: torch.device
    share: BatchShard | None  # of every batch; None: all of it
    processes: ProcessGroup

    @contextmanager
    def local_rank_zero_first(self) -> Iterator[None]:
        """On each machine one process goes first, and what it caches the others find."""
        if self.place.local_rank > 0:
            self.processes.barrier()
        yield
        if self.place.local_rank == 0:
            self.processes.barrier()


def join_team(config: Mapping[str, Any]) -> ProcessTeam:
    """Sets this process up and, started by torchrun, waits for the others."""
    place = ProcessRank.from_environment()
    share = batch_shard(config, place)
    device = find_device(config["runtime"]["device"], place)
    # Subnormal numbers cost a CPU a hundred times the time of others, and Adam's moments of seldom
    # active weights decay into them.
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads(config, place))
    return ProcessTeam(place, device, share, ProcessGroup.join(place, device))


def batch_shard(config: Mapping[str, Any], place: ProcessRank) -> BatchShard | None:
    """None where one process has it all. Raises `ConfigError` where the shares would differ."""
    if place.world_size == 1:
        return None
    batch_size = config["data"]["batch_size"]
    rows, rest = divmod(batch_size, place.world_size)
    if rest:
        raise ConfigError(
            f"data.batch_size={batch_size}: must be a multiple of {place.world_size}, as each of "
            f"{place.world_size} processes trains on an equal share of every batch"
        )
    return BatchShard(place.rank, place.world_size, rows)


def threads(config: Mapping[str, Any], place: ProcessRank) -> int:
    """Of one operation: all cores unless told otherwise, shared out among a machine's processes.

    torchrun sets OMP_NUM_THREADS to 1 where nobody did; another number is the user's own.
    """
    wanted = config["runtime"]["threads"]
    cores = os.cpu_count() or 1
    if (
        wanted is None
        and place.local_world_size > 1
        and os.environ.get("OMP_NUM_THREADS", "1") == "1"
    ):
        return max(1, cores // place.local_world_size)
    if wanted is None:
        return available_threads()
    if wanted > max(cores, available_threads()):
        raise ConfigError(f"runtime.threads={wanted}: this machine has {cores} cores")
    return int(wanted)


def has_sync_batch_norm(config: Mapping[str, Any], processes: ProcessGroup) -> bool:
    """Whether BatchNorm is over the whole batch where each process has a share of it."""
    # runs that earlier versions saved have no such key
    return processes.world_size > 1 and bool(config["runtime"].get("sync_batch_norm", False))


def sync_batch_norm_layers(
    nets: nn.ModuleDict, config: Mapping[str, Any], processes: ProcessGroup
) -> None:
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
    """All start from rank 0's weights. Raises `ConfigError` where one would train something else.

    Machines whose processors differ may draw weights that differ in the last bit.
    """
    if processes.world_size == 1:
        return
    described = json.dumps([config, data_digest], sort_keys=True)
    own = hashlib.sha256(described.encode()).hexdigest()
    if processes.broadcast_object(own) != own:
        raise ConfigError(
            "data: the configuration or the images differ from those of process 0; all processes "
            "must be given the same words and the same files"
        )
    processes.broadcast(list(nets.state_dict().values()))
