"""Fetching a data file once, into the user's cache."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

from genrun.core.errors import CannotCreate, DataDamaged, InputMissing
from genrun.core.progress_bar import progress

CHUNK = 1 << 16


def download(url: str, target: Path, sha256: str) -> Path:
    """Fetches `url` to `target`, which is there either complete and checked, or not at all.

    Raises `InputMissing` where the address does not answer, `DataDamaged` where the content is
    not what `sha256` says.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise CannotCreate(f"{target.parent}: cannot be used as a cache ({error})") from error
    try:
        with os.fdopen(handle, "wb") as file:
            digest = _fetch(url, file)
            os.fsync(file.fileno())
        if digest != sha256:
            raise DataDamaged(f"{url}: has SHA-256 {digest}, but {sha256} was expected")
        os.replace(temporary, target)
    except (urllib.error.URLError, OSError, HTTPException, ValueError) as error:
        raise InputMissing(
            f"{target.name}: is not on this machine, and {url} cannot be read ({error}); "
            "put the file in a folder and give data.root=FOLDER"
        ) from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    return target


def _fetch(url: str, file: BinaryIO) -> str:
    """Copies the address's content to the file and returns its SHA-256."""
    hashed = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=30) as answer:
        length = answer.headers.get("Content-Length")
        with progress(f"downloading {url}", int(length) if length else None) as advance:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                hashed.update(chunk)
                advance(len(chunk))
    return hashed.hexdigest()
