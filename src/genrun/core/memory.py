"""How much memory there is, asked before it is taken."""

from __future__ import annotations

import re
from pathlib import Path

from genrun.core.errors import OutOfMemory

GIGABYTE = 1e9


def free_bytes() -> int | None:
    """What the system says it can still give; None where it does not say."""
    try:
        said = Path("/proc/meminfo").read_text()
    except OSError:
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", said)
    return None if found is None else int(found[1]) * 1024


def check_free_memory(needed: int, what: str) -> None:
    """Raises `OutOfMemory` where `what` needs more bytes than are free."""
    free = free_bytes()
    if free is not None and needed > free:
        raise OutOfMemory(
            f"{what} needs {needed / GIGABYTE:.1f} GB and {free / GIGABYTE:.1f} GB of memory are "
            "free"
        )
