"""Every change that a run makes on disk, call by call.

Tests put their faults in place of these functions (`tests/faults/seam.py`); nothing else is done
here, so that nothing is paid for it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

TEMPORARY = ".tmp"  # how the names of files end that are not yet whole


def create(target: Path) -> tuple[int, Path]:
    """A new file beside `target`, open for writing, under a temporary name of its own."""
    path = target.with_name(f".{target.name}.{secrets.token_hex(4)}{TEMPORARY}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.open(path, flags, 0o666), path  # what the user's umask leaves of it, as for the logs


def write(handle: int, content: bytes) -> None:
    """All of it: one call of the system may write less."""
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def sync(handle: int) -> None:
    os.fsync(handle)


def rename(source: Path, target: Path) -> None:
    os.replace(source, target)


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def truncate(handle: int, length: int) -> None:
    os.ftruncate(handle, length)
