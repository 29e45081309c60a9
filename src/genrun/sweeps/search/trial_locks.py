"""Locks of a search: one a trial, held by the process that runs it, and one for study and plan."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from genrun.core.errors import FolderLocked
from genrun.runs import layout
from genrun.runs.files import make_folder
from genrun.runs.lock import check_not_locked, lock_folder

WAIT_SECONDS = 0.02


class TrialLocks:
    """The trials that this process has locked, to run them and to report how they end."""

    def __init__(self, sweep: Path) -> None:
        self._sweep = sweep
        self._locks: dict[int, ExitStack] = {}

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._locks))

    def __contains__(self, number: int) -> bool:
        return number in self._locks

    def acquire(self, number: int) -> bool:
        """Locks a trial; returns False if another process holds it."""
        folder = _lock_path(self._sweep, number)
        make_folder(folder)
        stack = ExitStack()
        try:
            stack.enter_context(lock_folder(folder))
        except FolderLocked:
            return False
        self._locks[number] = stack
        return True

    def release(self, number: int) -> None:
        """Unlocks a trial that this process has locked."""
        self._locks.pop(number).close()


def is_locked(sweep: Path, number: int) -> bool:
    """Whether any process has locked a trial."""
    try:
        check_not_locked(_lock_path(sweep, number))
    except FolderLocked:
        return True
    return False


@contextmanager
def search_lock(sweep: Path) -> Iterator[None]:
    """While open, no other process draws trials or writes the plan; waits for the lock."""
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(lock_folder(sweep))
                break
            except FolderLocked:
                time.sleep(WAIT_SECONDS)
        yield


def _lock_path(sweep: Path, number: int) -> Path:
    return sweep / layout.TRIALS / f"{number:04d}"
