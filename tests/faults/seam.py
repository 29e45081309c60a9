"""Faults injected into the functions of `genrun.runs.disk`, before or after the n-th call."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from typing import Any

from genrun.runs import disk

CALLS = ("create", "write", "sync", "rename", "remove", "truncate")
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT)


def arm(at: int, before: Callable[[], None], after: Callable[[], None]) -> Callable[[], None]:
    """Calls `before` and `after` around the `at`-th change on disk, counted from 1."""

    def install() -> None:
        count = 0

        def around(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any) -> Any:
                nonlocal count
                count += 1
                mine = count == at
                if mine:
                    before()
                result = real(*arguments)
                if mine:
                    after()
                return result

            return call

        for name in CALLS:
            setattr(disk, name, around(getattr(disk, name)))

    return install


def nothing() -> None: ...


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def failing(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


def half_written(at: int) -> Callable[[], None]:
    """The `at`-th write writes half of its bytes, then the process dies."""

    def install() -> None:
        real, count = disk.write, 0

        def write(handle: int, content: bytes) -> None:
            nonlocal count
            count += 1
            if count == at:
                os.write(handle, content[: len(content) // 2])
                die()
            real(handle, content)

        disk.write = write

    return install
