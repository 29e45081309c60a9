"""A server process that has imported torch, and forks a process for each job in milliseconds.

It has used neither OpenMP nor CUDA, so forking it is safe.
"""

from __future__ import annotations

import importlib
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from genrun.core.errors import GenrunError
from genrun.sweeps.launch.resources import JobResources
from genrun.sweeps.plan import Job

METHOD = "forkserver"  # tests/faults has imported torch and forks directly
PRELOADED = ["genrun.sweeps.launch.worker", "genrun.sweeps.launch.fork_server_preload"]


def warm_up() -> None:
    """Starts the server, which imports torch while the sweep is still being composed."""
    if METHOD == "forkserver":
        multiprocessing.get_context(METHOD).set_forkserver_preload(PRELOADED)
        forkserver.ensure_running()


def start_job(
    sweep: Path, job: Job, plugins: Sequence[str], resources: JobResources
) -> tuple[BaseProcess, Connection]:
    """Starts a process that trains a job; returns it and the pipe that it reports progress on."""
    return _start_worker("train", sweep, job, list(plugins), resources)


def check_jobs(
    points: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]], meanwhile: Callable[[], None]
) -> tuple[int, list[tuple[int, str]]]:
    """Builds the experiments of configurations and choices, without training.

    Returns the bytes of the largest checkpoint, and for each experiment an exit code and an error
    (0 and an empty text if it can be built). `meanwhile` is called while the other process works.
    """
    process, connection = _start_worker("check", [(dict(a), dict(b)) for a, b in points])
    meanwhile()
    answers: list[tuple[int, str]] = []
    size = 0
    try:
        for _ in points:
            checkpoint_size, code, text = connection.recv()
            size = max(size, checkpoint_size)
            answers.append((code, text))
    except EOFError:
        process.join()
        text = f"cannot be built: the process that tried exited with {process.exitcode}"
        answers.append((GenrunError.exit_code, text))
    process.join()
    return size, answers


def count_gpus() -> int:
    """Returns the number of GPUs, counted in a process of its own: this one must not load CUDA."""
    process, connection = _start_worker("count_gpus")
    count = int(connection.recv())
    process.join()
    return count


def _start_worker(name: str, *arguments: Any) -> tuple[BaseProcess, Connection]:
    return start_process(f"genrun.sweeps.launch.worker:{name}", *arguments)


def start_process(target: str, *arguments: Any) -> tuple[BaseProcess, Connection]:
    """Starts a process that calls `MODULE:FUNCTION` with the arguments and a connection.

    Returns the process and the other end of the connection.
    """
    warm_up()
    context = multiprocessing.get_context(METHOD)
    ours, theirs = context.Pipe()
    process: BaseProcess = context.Process(  # type: ignore[attr-defined]  # every context has one
        target=_call, args=(target, arguments, theirs)
    )
    process.start()
    theirs.close()
    return process, ours


def _call(target: str, arguments: Sequence[Any], connection: Connection) -> None:
    """Runs in the forked process, which has torch imported already."""
    module, _, name = target.partition(":")
    getattr(importlib.import_module(module), name)(*arguments, connection)
