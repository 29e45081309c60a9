"""Who looks after which trial: a lock a trial, which the system drops with its holder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from genrun.core.errors import FolderLocked
from genrun.runs import layout
from genrun.runs.lock import check_not_locked, lock_folder

WAIT_SECONDS = 0.02


class Claims:
    """The trials that this process looks after."""

    def __init__(self, sweep: Path) -> None:
        self._folder = sweep / layout.TRIALS
        self._held: dict[int, ExitStack] = {}

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._held))

    def __contains__(self, number: int) -> bool:
        return number in self._held

    def take(self, number: int) -> bool:
        """Whether it is this process's now: it is not where another holds it."""
        place = self._folder / f"{number:04d}"
        place.mkdir(parents=True, exist_ok=True)
        stack = ExitStack()
        try:
            stack.enter_context(lock_folder(place))
        except FolderLocked:
            return False
        self._held[number] = stack
        return True

    def drop(self, number: int) -> None:
        self._held.pop(number).close()


def is_claimed(sweep: Path, number: int) -> bool:
    """Whether any process looks after a trial."""
    try:
        check_not_locked(sweep / layout.TRIALS / f"{number:04d}")
    except FolderLocked:
        return True
    return False


@contextmanager
def alone(sweep: Path) -> Iterator[None]:
    """While open, no other process asks for trials or writes the plan; waits for its turn."""
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(lock_folder(sweep))
                break
            except FolderLocked:
                time.sleep(WAIT_SECONDS)
        yield
