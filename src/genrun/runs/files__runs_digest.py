"""SHA-256 of a file without taking it into memory."""

from __future__ import annotations

import hashlib
from pathlib import Path

CHUNK = 1 << 20


def digest_of(path: Path, length: int | None = None) -> hashlib._Hash:
    """The hash over the first `length` bytes, or over all. Raises `OSError`."""
    hashed = hashlib.sha256()
    left = path.stat().st_size if length is None else length
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            hashed.update(chunk)
            left -= len(chunk)
    return hashed
