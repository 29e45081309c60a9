"""Writing a file whole or not at all. Every write of a run goes through here."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genrun.core.errors import CannotCreate, OutputFailed


def write_whole(path: Path, content: bytes) -> None:
    """Replaces `path` by `content`, durable when this returns.

    Raises `OutputFailed`, with the old file untouched and nothing left beside it.
    """
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise OutputFailed(f"{path}: cannot be written ({error.strerror or error})") from error


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_whole(path, (json.dumps(value, indent=2) + "\n").encode())


def sync_folder(folder: Path) -> None:
    """Makes names created, renamed or removed in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def claim(wanted: Path) -> Path:
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
