"""Several processes that train together, forked from the test, without torchrun.

A fork takes a hundredth of a second where a new process imports torch for seconds. Tests compute
with one thread (conftest.py), so that forking is safe.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

SECONDS = 60


def together(work: Callable[[], Any], size: int = 2) -> list[Any]:
    """What `work` gives in each of the processes, by rank; an exception is given, not raised.

    Fails where one hangs, after killing them all.
    """
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    started = [_start(work, rank, size, port) for rank in range(size)]
    results: dict[int, bytes] = dict.fromkeys(range(size), b"")
    deadline = time.monotonic() + SECONDS
    try:
        with selectors.DefaultSelector() as selector:
            for rank, (_, pipe) in enumerate(started):
                selector.register(pipe, selectors.EVENT_READ, rank)
            while selector.get_map():
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                assert ready, f"processes hang: {[rank for rank in results if not results[rank]]}"
                for key, _ in ready:
                    part = os.read(key.fd, 1 << 20)
                    results[key.data] += part
                    if not part:
                        selector.unregister(key.fd)
    finally:
        for process, pipe in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os.close(pipe)
    return [pickle.loads(result) if result else None for result in results.values()]


def _start(work: Callable[[], Any], rank: int, size: int, port: int) -> tuple[int, int]:
    """The process, and what it writes its result to."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    place = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": size}
    os.environ |= {name: str(value) for name, value in place.items()}
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    try:
        result = pickle.dumps(work())
    except BaseException as error:
        result = pickle.dumps(error)
    finally:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(result)
        os._exit(0)
