"""The user's cache: what can be fetched or worked out again, each file whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from genrun.core.errors import CannotCreate, OutputFailed


def cache_folder() -> Path:
    """`$GENRUN_CACHE`, else `$XDG_CACHE_HOME/genrun`, else `~/.cache/genrun`."""
    if own := os.environ.get("GENRUN_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genrun"


def save_in_cache(target: Path, write: Callable[[BinaryIO], object]) -> None:
    """Puts what `write` writes at `target`, also where another process does the same.

    Raises `CannotCreate` where the folder cannot be used, `OutputFailed` where writing fails.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".writing.")
    except OSError as error:
        raise CannotCreate(f"{target.parent}: cannot be used as a cache ({error})") from error
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        raise OutputFailed(f"{target}: cannot be written ({error.strerror})") from error
    finally:
        Path(temporary).unlink(missing_ok=True)
