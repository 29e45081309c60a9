"""At most one process writes in a folder: an flock on `.lock`."""

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
    """While open, no other process can lock `folder`; the system unlocks it if this one dies.

    Raises `FolderLocked` at once, naming the process that has locked it.
    """
    with _locked(folder, os.O_RDWR | os.O_CREAT) as handle:
        os.ftruncate(handle, 0)
        os.write(
            handle, json.dumps({"process": os.getpid(), "host": socket.gethostname()}).encode()
        )
        yield


def check_not_locked(folder: Path) -> None:
    """Raises `FolderLocked` if another process has locked `folder`; changes nothing."""
    if (folder / layout.LOCK).exists():
        with _locked(folder, os.O_RDONLY):
            pass


def describe_writer(folder: Path) -> str | None:
    """Returns a sentence on the process that has locked `folder`; None if there is none."""
    try:
        check_not_locked(folder)
    except FolderLocked as error:
        return str(error).removeprefix(f"{folder}: ")
    except CannotCreate:
        return "it cannot be determined whether a process works on it"
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
            # not fcntl.lockf, whose lock ends when this process closes any handle of the file
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderLocked(f"{folder}: is being written by {_lock_holder(handle)}") from error
        except OSError as error:
            raise CannotCreate(f"{folder}: cannot be locked ({error.strerror})") from error
        yield handle
    finally:
        os.close(handle)


def _lock_holder(handle: int) -> str:
    try:
        content = json.loads(os.pread(handle, 1000, 0))
        return f"process {int(content['process'])} on {str(content['host'])!r}"
    except (ValueError, KeyError, TypeError):  # it has not written its number yet
        return "another process"
