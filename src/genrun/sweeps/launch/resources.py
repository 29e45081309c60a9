"""This machine's cores and GPUs, divided among the jobs of a sweep."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from genrun.core.errors import ConfigError
from genrun.sweeps.plan import Job


@dataclass(frozen=True)
class JobResources:
    """The threads and the GPU that one job may use."""

    threads: int
    gpu: str | None  # for CUDA_VISIBLE_DEVICES; None leaves it unchanged


class ResourceSlots:
    """Slots for jobs that run at once, each with its resources."""

    def __init__(self, resources: Sequence[JobResources]) -> None:
        self._resources = resources
        self._free = list(reversed(range(len(resources))))

    @property
    def free(self) -> int:
        """How many slots are free."""
        return len(self._free)

    @property
    def count(self) -> int:
        """How many slots there are."""
        return len(self._resources)

    def take(self) -> tuple[int, JobResources]:
        """Takes a free slot; returns its number and its resources."""
        slot = self._free.pop()
        return slot, self._resources[slot]

    def release(self, slot: int) -> None:
        """Frees a slot by its number."""
        self._free.append(slot)


def allocate(
    jobs: Sequence[Job], requested: int | None, gpus: int, max_jobs: int
) -> ResourceSlots:
    """Divides the machine into slots: one a core, or one a GPU if all jobs may use a GPU.

    There are at most `max_jobs` slots, `requested` of them if that is a number, and together
    they have at most as many threads as there are cores. Raises `ConfigError` if more are
    requested than can run at once.
    """
    limit = max_concurrent(jobs, requested)
    on_gpus = gpus > 0 and all(j.config["runtime"]["device"] in ("auto", "cuda") for j in jobs)
    count = max(1, min(requested or (gpus if on_gpus else limit), limit, max_jobs))
    names, threads = visible_gpus(gpus), available_cores() // count
    return ResourceSlots(
        [JobResources(threads, names[i % gpus] if on_gpus else None) for i in range(count)]
    )


def max_concurrent(jobs: Sequence[Job], requested: int | None) -> int:
    """Returns how many such jobs can have cores at once.

    Raises `ConfigError` if more are `requested`.
    """
    cores = available_cores()
    fixed = max((job.config["runtime"]["threads"] or 1 for job in jobs), default=1)
    limit = max(1, cores // fixed)
    if requested is not None and requested > limit:
        each = f" with runtime.threads={fixed}" if fixed > 1 else ""
        raise ConfigError(
            f"hydra.launcher.jobs={requested}: this machine has {cores} cores, so at most {limit} "
            f"jobs{each} can run at once"
        )
    return limit


def available_cores() -> int:
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visible_gpus(count: int) -> list[str]:
    """Returns the names of `count` GPUs as CUDA_VISIBLE_DEVICES writes them."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    return names.split(",") if names else [str(number) for number in range(count)]
