"""A server that has imported torch once, and forks a process for each job in milliseconds.

It has run no parallel region and no CUDA, so forking it is safe.
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

METHOD = "forkserver"  # the fault harness, which has imported torch itself, forks
PRELOADED = ["genrun.sweeps.launch.worker", "genrun.sweeps.launch.fork_server_preload"]


def warm_up() -> None:
    """Starts the server, which imports torch while the sweep is still being composed."""
    if METHOD == "forkserver":
        multiprocessing.get_context(METHOD).set_forkserver_preload(PRELOADED)
        forkserver.ensure_running()


def train(
    sweep: Path, job: Job, plugins: Sequence[str], share: JobResources
) -> tuple[BaseProcess, Connection]:
    """A process that trains a job, and the pipe on which it says how far it is."""
    return _start("train", sweep, job, list(plugins), share)


def check(
    points: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]], meanwhile: Callable[[], None]
) -> tuple[int, list[tuple[int, str]]]:
    """Builds what jobs would train, by configuration and choices, without training it.

    Gives the bytes of the largest checkpoint, and for each job an exit code and what is wrong
    with it, 0 and nothing where all is well. This process does `meanwhile` what it has to.
    """
    process, connection = _start("check", [(dict(a), dict(b)) for a, b in points])
    meanwhile()
    wrong: list[tuple[int, str]] = []
    size = 0
    try:
        for _ in points:
            bytes_, code, text = connection.recv()
            size = max(size, bytes_)
            wrong.append((code, text))
    except EOFError:
        process.join()
        text = f"cannot be built: its process ended with {process.exitcode}"
        wrong.append((GenrunError.exit_code, text))
    process.join()
    return size, wrong


def gpus() -> int:
    """How many GPUs there are, asked of a process that may load CUDA, as this one may not."""
    process, connection = _start("count_gpus")
    count = int(connection.recv())
    process.join()
    return count


def _start(name: str, *arguments: Any) -> tuple[BaseProcess, Connection]:
    return start(f"genrun.sweeps.launch.worker:{name}", *arguments)


def start(target: str, *arguments: Any) -> tuple[BaseProcess, Connection]:
    """A process that calls `MODULE:FUNCTION`, which gets a connection as its last argument."""
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
    """In the forked process, where torch is imported already."""
    module, _, name = target.partition(":")
    getattr(importlib.import_module(module), name)(*arguments, connection)
