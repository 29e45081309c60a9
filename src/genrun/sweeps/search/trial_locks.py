"""Which process runs which trial of a search: a lock for each trial, which ends with its holder."""

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
        self._folder = sweep / layout.TRIALS
        self._locks: dict[int, ExitStack] = {}

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._locks))

    def __contains__(self, number: int) -> bool:
        return number in self._locks

    def acquire(self, number: int) -> bool:
        """Locks a trial; returns False if another process holds it."""
        place = self._folder / f"{number:04d}"
        make_folder(place)
        stack = ExitStack()
        try:
            stack.enter_context(lock_folder(place))
        except FolderLocked:
            return False
        self._locks[number] = stack
        return True

    def release(self, number: int) -> None:
        self._locks.pop(number).close()


def is_locked(sweep: Path, number: int) -> bool:
    """Whether any process has locked a trial."""
    try:
        check_not_locked(sweep / layout.TRIALS / f"{number:04d}")
    except FolderLocked:
        return True
    return False


@contextmanager
def search_lock(sweep: Path) -> Iterator[None]:
    """While open, no other process asks for trials or writes the plan; waits for the lock."""
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(lock_folder(sweep))
                break
            except FolderLocked:
                time.sleep(WAIT_SECONDS)
        yield
