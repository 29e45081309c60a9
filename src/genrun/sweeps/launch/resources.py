"""This machine's cores and GPUs, shared out among the jobs of a sweep."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from genrun.core.errors import ConfigError
from genrun.sweeps.plan import Job


@dataclass(frozen=True)
class JobResources:
    """What of the machine one job may use."""

    threads: int
    gpu: str | None  # for CUDA_VISIBLE_DEVICES; None leaves that as it is


class ResourceSlots:
    """Places for jobs that run at once, each with its share."""

    def __init__(self, shares: Sequence[JobResources]) -> None:
        self._shares = shares
        self._free = list(reversed(range(len(shares))))

    @property
    def free(self) -> int:
        return len(self._free)

    @property
    def count(self) -> int:
        return len(self._shares)

    def take(self) -> tuple[int, JobResources]:
        slot = self._free.pop()
        return slot, self._shares[slot]

    def release(self, slot: int) -> None:
        self._free.append(slot)


def allocate(jobs: Sequence[Job], wanted: int | None, gpus: int, most: int) -> ResourceSlots:
    """As many places as there are cores, or GPUs where the jobs use them, and jobs at most.

    `wanted` is the user's number, `most` how many jobs there will be. Never more threads than
    cores in all. Raises `ConfigError` where the number asked for cannot be.
    """
    limit = max_concurrent(jobs, wanted)
    on_gpus = gpus > 0 and all(j.config["runtime"]["device"] in ("auto", "cuda") for j in jobs)
    count = max(1, min(wanted or (gpus if on_gpus else limit), limit, most))
    names, threads = visible_gpus(gpus), available_cores() // count
    return ResourceSlots(
        [JobResources(threads, names[i % gpus] if on_gpus else None) for i in range(count)]
    )


def max_concurrent(jobs: Sequence[Job], wanted: int | None) -> int:
    """How many such jobs have cores at once. Raises `ConfigError` where more are `wanted`."""
    cores = available_cores()
    fixed = max((job.config["runtime"]["threads"] or 1 for job in jobs), default=1)
    limit = max(1, cores // fixed)
    if wanted is not None and wanted > limit:
        each = f" of runtime.threads={fixed}" if fixed > 1 else ""
        raise ConfigError(
            f"hydra.launcher.jobs={wanted}: this machine has {cores} cores, so at most {limit} "
            f"jobs{each} can run at once without waiting for each other"
        )
    return limit


def available_cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visible_gpus(count: int) -> list[str]:
    """The GPUs' names in CUDA_VISIBLE_DEVICES."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    return given.split(",") if given else [str(number) for number in range(count)]
