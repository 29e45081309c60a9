"""A progress bar for slow preparations, displayed by the program that runs it.

Code below the command line must not depend on the terminal; it reports through `progress`, and
the terminal sets `show`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Advance = Callable[[int], None]
Show = Callable[[str, int | None], AbstractContextManager[Advance]]


@contextmanager
def _silent(title: str, total: int | None) -> Iterator[Advance]:
    yield lambda count: None


show: Show = _silent


def progress(title: str, total: int | None) -> AbstractContextManager[Advance]:
    """Use as `with progress("decoding", count) as advance: ... advance(1)`."""
    return show(title, total)
