"""Writing a file whole or not at all. Every write of a run goes through here."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genrun.core.errors import CannotCreate, ConfigError, output_errors
from genrun.runs import disk

# MERGED: SHA-256 of a file without taking it into memory.
CHUNK = 1 << 20


def hash_file(path: Path, length: int | None = None) -> hashlib._Hash:
    """The hash over the first `length` bytes, or over all. Raises `OSError`."""
    hashed = hashlib.sha256()
    left = path.stat().st_size if length is None else length
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            hashed.update(chunk)
            left -= len(chunk)
    return hashed


def check_output_path(
    path: Path, endings: Sequence[str], own: Callable[[Path], bool], what: str
) -> Path:
    """Where a command line wants a file: a new one, or in place of one that is `own`.

    `what` says what that is. Raises `ConfigError` for another ending, `CannotCreate` where it
    cannot be written or would replace something else.
    """
    if path.suffix not in endings:
        raise ConfigError(f"out={path}: must end in {', '.join(endings)}")
    if not path.parent.is_dir():
        raise CannotCreate(f"{path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise CannotCreate(f"{path}: the folder {path.parent} may not be written")
    if path.is_dir():
        raise CannotCreate(f"{path}: is a folder")
    if path.is_symlink() or (path.exists() and not own(path)):
        raise CannotCreate(f"{path}: is there, and is no {what}")
    return path


def write_atomic(path: Path, content: bytes) -> None:
    """Replaces `path` by `content`, durable when this returns.

    Raises `OutputFailed`, with the old file untouched and nothing left beside it.
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
    """Makes names created, renamed or removed in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        disk.sync(handle)
    finally:
        os.close(handle)


def set_aside(path: Path, why: str) -> None:
    """Renames a file so that it is not used again: `why-NAME`."""
    with output_errors(path):
        disk.rename(path, path.with_name(f"{why}-{path.name}"))


def remove_temporaries(folder: Path) -> None:
    """Removes what a killed process had not finished writing. Only for the folder's one writer."""
    for path in folder.glob(f".*{disk.TEMPORARY}"):
        with output_errors(path):
            disk.remove(path)


def make_folder(path: Path) -> None:
    """Creates a folder and its parents; one that exists is left as it is.

    Raises `OutputFailed` if it cannot be created.
    """
    with output_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def claim_folder(wanted: Path) -> Path:
    """Creates a folder that nobody else has: `wanted`, else `wanted-2`, `wanted-3`, …

    Raises `CannotCreate` where the parent is a file or may not be written.
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
