"""The user's cache: files that can be downloaded or computed again.

A file is in the cache complete or not at all, so several processes can fill it at the same time.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from genrun.core.errors import CannotCreate, DataDamaged, InputMissing, OutputFailed
from genrun.core.progress_bar import progress

CHUNK = 1 << 16  # bytes of a download that are written at once
TIMEOUT_SECONDS = 30


def cache_folder() -> Path:
    """Returns `$GENRUN_CACHE`, else `$XDG_CACHE_HOME/genrun`, else `~/.cache/genrun`."""
    if folder := os.environ.get("GENRUN_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genrun"


def save_in_cache(target: Path, write: Callable[[BinaryIO], object]) -> None:
    """Creates or replaces `target` atomically with what `write` writes to the file it is passed.

    An exception raised by `write` leaves the cache as it was. Raises `CannotCreate` if the folder
    cannot be used, `OutputFailed` if writing fails.
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


def download(url: str, target: Path, sha256: str, alternative: str) -> Path:
    """Downloads `url` to `target` in the cache and returns `target`, if its SHA-256 is `sha256`.

    Raises `InputMissing` if the address cannot be read, with the `alternative` that the user has;
    `DataDamaged` if the content has another hash; and what `save_in_cache` raises.
    """

    def write(file: BinaryIO) -> None:
        hashed = hashlib.sha256()
        try:
            for chunk in _chunks(url):
                file.write(chunk)
                hashed.update(chunk)
        except _UnreadableError as error:
            raise InputMissing(
                f"{target.name}: is not on this machine, and {error}; {alternative}"
            ) from error
        if hashed.hexdigest() != sha256:
            raise DataDamaged(
                f"{url}: has SHA-256 {hashed.hexdigest()}, but {sha256} was expected"
            )

    save_in_cache(target, write)
    return target


class _UnreadableError(Exception):
    """An address could not be read."""


def _chunks(url: str) -> Iterator[bytes]:
    """Yields the content of `url`, with a progress bar."""
    import urllib.request  # takes 40 ms, which only a download needs
    from http.client import HTTPException

    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            length = response.headers.get("Content-Length")
            with progress(f"downloading {url}", int(length) if length else None) as advance:
                while chunk := response.read(CHUNK):
                    yield chunk
                    advance(len(chunk))
    except (OSError, HTTPException, ValueError) as error:  # URLError is an OSError
        raise _UnreadableError(f"{url} cannot be read ({error})") from error
