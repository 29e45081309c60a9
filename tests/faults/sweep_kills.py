"""A sweep whose parent is killed, at any moment, until it is done all the same."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

from genrun.core.errors import CannotCreate
from genrun.runs.lock import refuse_if_locked
from genrun.sweeps import server
from genrun.sweeps.plan import is_sweep
from genrun.sweeps.start import resume_sweep, sweep
from tests.conftest import last_wins
from tests.faults.harness import WORDS, Harness, Tally, final, fork, kill, wait

LINE = [*last_wins(WORDS), "optimizer.lr=1e-3,3e-3", "seed=0,1", "hydra.sweep.dir=swept"]
KILLS = 4  # of one sweep
TRIES = 20


def parents_killed(harness: Harness, count: int, chance: random.Random) -> Tally:
    """Each sweep is killed several times, then gone on with, and compared job by job."""
    tally = Tally("a sweep's parent killed")
    alone = harness.folder()
    begun = time.monotonic()
    assert wait(_start(alone)) == 0
    seconds = time.monotonic() - begun
    expected = _finals(alone)
    assert len(expected) == 4
    while tally.tried < count:
        folder = harness.folder()
        kills = min(KILLS, count - tally.tried)
        for _ in range(kills):
            child = _start(folder)
            time.sleep(chance.uniform(0, seconds))
            kill(child)
            wait(child)
            _wait_until_free(folder / "swept")
        code = wait(_start(folder))
        same = code == 0 and _finals(folder) == expected
        if same:
            shutil.rmtree(folder)
        else:
            print(f"{folder}: ended with {code}")
        tally.tried += kills
        tally.survived += kills * same
        tally.lost += kills * (not same)
    return tally


def _start(folder: Path) -> int:
    return fork(lambda: _sweep_or_resume(folder))


def _sweep_or_resume(folder: Path) -> int:
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    server.METHOD = "fork"  # torch is imported here already
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if is_sweep(Path("swept")):
        return resume_sweep(Path("swept"), [])
    shutil.rmtree("swept", ignore_errors=True)  # killed before there was a plan
    return sweep(LINE, None)


def _wait_until_free(folder: Path) -> None:
    """Its jobs notice that the parent is gone, save, and end; till then they hold its lock."""
    for _ in range(TRIES * 10):
        try:
            for path in (folder, *folder.glob("*/")):
                refuse_if_locked(path)
        except CannotCreate:
            time.sleep(0.1)
        else:
            return


def _finals(folder: Path) -> dict[str, tuple[str, bytes]]:
    runs = [path.parent for path in (folder / "swept").glob("*/run.json")]
    return {path.name: final(path) for path in runs}
