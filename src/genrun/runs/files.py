"""Writing files atomically, creating folders, and hashing files.

Every file of a run, a sweep or a proof is written through this module or `AppendLog`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genrun.core.errors import CannotCreate, ConfigError, output_errors
from genrun.runs import disk

CHUNK = 1 << 20  # bytes hashed at a time


def write_atomic(path: Path, content: bytes) -> None:
    """Replaces `path` by `content`, which is durable when this returns.

    Raises `OutputFailed`; the old file is then unchanged and no other file is left.
    """
    with output_errors(path):
        handle, temporary = disk.create(path)
        try:
            try:
                disk.write(handle, content)
                disk.sync(handle)
            finally:
                os.close(handle)
            disk.rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_atomic(path, (json.dumps(value, indent=2) + "\n").encode())


def sync_folder(folder: Path) -> None:
    """Makes names that were created, renamed or removed in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        disk.sync(handle)
    finally:
        os.close(handle)


def set_aside(path: Path, why: str) -> None:
    """Renames a file to `why-NAME`, so that it is not used again."""
    with output_errors(path):
        disk.rename(path, path.with_name(f"{why}-{path.name}"))


def remove_temporaries(folder: Path) -> None:
    """Removes files that a killed process had not completed.

    Only for the process that has locked the folder.
    """
    for path in folder.glob(f".*{disk.TEMPORARY}"):
        with output_errors(path):
            disk.remove(path)


def make_folder(path: Path) -> None:
    """Creates a folder and its parents; one that exists is left as it is.

    Raises `OutputFailed` if it cannot be created.
    """
    with output_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def remove_file(path: Path) -> None:
    """Removes a file, if it is there. Raises `OutputFailed` if it cannot be removed."""
    with output_errors(path):
        path.unlink(missing_ok=True)


def open_append(path: Path) -> int:
    """Opens a file for output of processes, at its end; returns the descriptor.

    Raises `OutputFailed` if it cannot be opened.
    """
    with output_errors(path):
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)


def claim_folder(wanted: Path) -> Path:
    """Creates a folder that no other process has: `wanted`, or `wanted-2`, `wanted-3`, …

    Raises `CannotCreate` if the parent is a file or cannot be written.
    """
    attempt = wanted
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            try:
                attempt.mkdir()
            except FileExistsError:
                number += 1
                attempt = wanted.with_name(f"{wanted.name}-{number}")
            else:
                return attempt
    except OSError as error:
        raise CannotCreate(f"{attempt}: cannot be created ({error.strerror or error})") from error


def check_output_path(
    path: Path, suffixes: Sequence[str], may_replace: Callable[[Path], bool], what: str
) -> Path:
    """Returns the path of a new file, or of an existing one that `may_replace` accepts.

    `what` names the files that may be replaced. Raises `ConfigError` for another suffix,
    `CannotCreate` if the file cannot be written or would replace something else.
    """
    if path.suffix not in suffixes:
        raise ConfigError(f"out={path}: must end in {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise CannotCreate(f"{path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise CannotCreate(f"{path}: the folder {path.parent} is not writable")
    if path.is_dir():
        raise CannotCreate(f"{path}: is a folder")
    if path.is_symlink() or (path.exists() and not may_replace(path)):
        raise CannotCreate(f"{path}: exists and is no {what}")
    return path


def hash_file(path: Path, length: int | None = None) -> hashlib._Hash:
    """Returns the SHA-256 of a file, or of its first `length` bytes. Raises `OSError`."""
    hashed = hashlib.sha256()
    left = path.stat().st_size if length is None else length
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            hashed.update(chunk)
            left -= len(chunk)
    return hashed
