"""Disks that are full, over quota or broken."""

from __future__ import annotations

import random
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import seam
from tests.faults.harness import Harness, Tally
from tests.faults.interruptions import disk_calls, judge

DENIED = 74
KB = 1024


def errors(harness: Harness, count: int | None, chance: random.Random) -> Tally:
    """ENOSPC, EIO and EDQUOT at each change on disk: exit code 74, then the run resumes."""
    tally = Tally("ENOSPC, EIO, EDQUOT at every call")
    points = [(at, e) for at in range(1, disk_calls(harness) + 1) for e in seam.ERRORS]
    if count is not None:
        points = chance.sample(points, min(count, len(points)))
    for at, error in points:
        folder = harness.folder()
        code = harness.train(folder, seam.arm(at, seam.failing(error), seam.nothing))
        _judge_denied(harness, tally, folder, code)
    return tally


def size_limits(harness: Harness, count: int, chance: random.Random) -> Tally:
    """A limit on file sizes, which cuts off writes in the middle."""
    tally = Tally("file size limited")
    largest = max(path.stat().st_size for path in harness.whole_files())
    for _ in range(count):
        folder = harness.folder()
        size = chance.randrange(largest)

        def limit(size: int = size) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        code = harness.train(folder, limit)
        _judge_denied(harness, tally, folder, code)
    return tally


def small_disks(harness: Harness, count: int, chance: random.Random) -> Tally | None:
    """A tmpfs that fills up and is then enlarged; None if mounting is not allowed."""
    tally = Tally("disk full (tmpfs)")
    whole = sum(path.stat().st_size for path in harness.whole_files())
    for _ in range(count):
        folder = harness.folder()
        pages = chance.randrange(2, max(3, whole // (4 * KB)))
        try:
            with _mounted(folder, f"{4 * pages}k"):
                code = harness.train(folder)
                subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
                _judge_denied(harness, tally, folder, code, keep=True)
        except (subprocess.CalledProcessError, FileNotFoundError):
            return None
    return tally


@contextmanager
def _mounted(folder: Path, size: str) -> Iterator[None]:
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(words, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _judge_denied(
    harness: Harness, tally: Tally, folder: Path, code: int, keep: bool = False
) -> None:
    if code not in (0, DENIED):
        print(f"{folder}: ended with {code}, not {DENIED}", flush=True)
        tally.tried, tally.lost = tally.tried + 1, tally.lost + 1
        return
    judge(harness, tally, folder, keep)
