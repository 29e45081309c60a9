"""One writer a folder."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genrun.core.errors import CannotCreate, FolderLocked
from genrun.runs import layout


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """While open, no other process writes in `folder`; the system lets go if this one dies.

    Raises `FolderLocked` at once, naming the process that holds it.
    """
    with _locked(folder, os.O_RDWR | os.O_CREAT) as handle:
        os.ftruncate(handle, 0)
        os.write(
            handle, json.dumps({"process": os.getpid(), "host": socket.gethostname()}).encode()
        )
        yield


def check_not_locked(folder: Path) -> None:
    """Raises `FolderLocked` where another process writes in `folder`; changes nothing."""
    if (folder / layout.LOCK).exists():
        with _locked(folder, os.O_RDONLY):
            pass


def describe_writer(folder: Path) -> str | None:
    """In words; also where it cannot be told. None: no process writes in `folder`."""
    try:
        check_not_locked(folder)
    except FolderLocked as error:
        return str(error).removeprefix(f"{folder}: ")
    except CannotCreate:
        return "whether a process works on it cannot be told"
    return None


@contextmanager
def _locked(folder: Path, flags: int) -> Iterator[int]:
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        handle = os.open(folder / layout.LOCK, flags, 0o644)
    except OSError as error:
        raise CannotCreate(f"{folder}: cannot be locked ({error.strerror})") from error
    try:
        try:
            # not fcntl.lockf, which would let go as soon as anything here closed the file
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderLocked(f"{folder}: is being written by {_holder(handle)}") from error
        except OSError as error:
            raise CannotCreate(f"{folder}: cannot be locked ({error.strerror})") from error
        yield handle
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        said = json.loads(os.pread(handle, 1000, 0))
        return f"process {int(said['process'])} on {str(said['host'])!r}"
    except (ValueError, KeyError, TypeError):  # it holds the lock but has not written yet
        return "another process"
