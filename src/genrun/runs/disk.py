"""The system calls that change files, one function each.

Tests replace these functions to inject faults (`tests/faults/seam.py`).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

TEMPORARY = ".tmp"  # the suffix of files that are not completely written


def create(target: Path) -> tuple[int, Path]:
    """Opens a new file for writing in the folder of `target`, under a unique temporary name."""
    path = target.with_name(f".{target.name}.{secrets.token_hex(4)}{TEMPORARY}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.open(path, flags, 0o666), path  # less the user's umask, as for the logs


def write(handle: int, content: bytes) -> None:
    """Writes all of `content`; a single system call may write less."""
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
