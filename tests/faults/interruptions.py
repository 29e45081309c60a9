"""Kills and signals."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from tests.faults import seam
from tests.faults.harness import Harness, Tally, kill, wait

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def random_kills(harness: Harness, count: int, chance: random.Random) -> Tally:
    """`kill -9` at any moment, up to five times in one run."""
    tally = Tally("kill -9 at random")
    while tally.tried < count:
        folder = harness.folder()
        kills = min(5, count - tally.tried)
        for _ in range(kills):
            child = harness.start(folder)
            time.sleep(chance.uniform(0, harness.seconds))
            kill(child)
            wait(child)
        same = harness.ends_as_if_left_alone(folder)
        tally.tried += kills
        tally.survived += kills * same
        tally.lost += kills * (not same)
    return tally


def kills_at_every_change(harness: Harness, count: int | None, chance: random.Random) -> Tally:
    """`kill -9` before and after each change on disk, and in the middle of each write."""
    tally = Tally("kill -9 at every named point")
    calls = disk_calls(harness)
    points = [(at, early) for at in range(1, calls + 1) for early in (True, False)]
    if count is not None:
        points = chance.sample(points, min(count, len(points)))
    for at, early in points:
        folder = harness.folder()
        first, second = (seam.die, seam.nothing) if early else (seam.nothing, seam.die)
        code = harness.train(folder, seam.arm(at, first, second))
        assert code == -signal.SIGKILL, f"the point {at} was not reached: {code}"
        judge(harness, tally, folder)
    for at in range(1, calls if count is None else max(2, count // 5)):
        folder = harness.folder()
        if harness.train(folder, seam.half_written(at)) == 0:
            break  # there are no more writes than that
        judge(harness, tally, folder)
    return tally


def disk_calls(harness: Harness) -> int:
    """How many changes on disk a run makes: the first number that no run reaches."""
    low, high = 1, 2
    while _reaches(harness, high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _reaches(harness, middle) else (low, middle)
    return low


def _reaches(harness: Harness, at: int) -> bool:
    return harness.train(harness.folder(), seam.arm(at, seam.die, seam.nothing)) != 0


def signals(harness: Harness, count: int, chance: random.Random) -> Tally:
    """A signal at any moment, in every third case a second one soon after."""
    tally = Tally("SIGINT, SIGTERM, SIGUSR1")
    for number in range(count):
        folder = harness.folder()
        child = harness.start(folder)
        time.sleep(chance.uniform(0, harness.seconds))
        sent = SIGNALS[number % len(SIGNALS)]
        kill(child, sent)
        if number % 3 == 2:
            time.sleep(chance.uniform(0, 0.05))
            kill(child, sent)
        code = wait(child)
        if code not in (0, 75, -sent):  # -sent: it came before the run had begun
            tally.tried, tally.lost = tally.tried + 1, tally.lost + 1
            continue
        judge(harness, tally, folder)
    return tally


def judge(harness: Harness, tally: Tally, folder: Path, keep: bool = False) -> None:
    same = harness.ends_as_if_left_alone(folder, keep)
    tally.tried += 1
    tally.survived += same
    tally.lost += not same
