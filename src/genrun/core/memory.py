"""How much memory is available, to fail with a message before the system kills the process."""

from __future__ import annotations

import re
from pathlib import Path

from genrun.core.errors import OutOfMemory
from genrun.core.formatting import format_bytes


def free_bytes() -> int | None:
    """Returns Linux's estimate of the memory available without swapping; None elsewhere."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", text)
    return None if found is None else int(found[1]) * 1024


def check_free_memory(needed: int, what: str) -> None:
    """Raises `OutOfMemory` if `what` needs more bytes than are available."""
    free = free_bytes()
    if free is not None and needed > free:
        raise OutOfMemory(
            f"{what} needs {format_bytes(needed)} and {format_bytes(free)} of memory are free"
        )
