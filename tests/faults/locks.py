"""Many processes that claim or lock the same folder."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

from genrun.core.errors import CannotCreate
from genrun.runs.files import claim_folder
from genrun.runs.lock import check_not_locked, lock_folder
from tests.faults.harness import Harness, Tally, fork, kill, wait

PROCESSES = 64


def claims(harness: Harness, rounds: int, chance: random.Random) -> Tally:
    """64 processes started at once: each gets a folder of its own."""
    tally = Tally("64 runs started at once")
    for _ in range(rounds):
        folders = _claim_at_once(harness.folder() / "day" / "run")
        alone = sum(len(list(folder.glob("[0-9]*"))) == 1 for folder in folders)
        tally.tried += PROCESSES
        tally.survived += alone
        tally.lost += PROCESSES - alone
    return tally


def _claim_at_once(wanted: Path) -> list[Path]:
    read, write = os.pipe()

    def take() -> int:
        os.close(write)
        os.read(read, 1)  # all wait here until the parent closes its end
        folder = claim_folder(wanted)
        with lock_folder(folder):
            (folder / str(os.getpid())).touch()
        return 0

    children = [fork(take) for _ in range(PROCESSES)]
    os.close(write)
    os.close(read)
    for child in children:
        wait(child)
    return list(wanted.parent.iterdir())


def holders(harness: Harness, count: int, chance: random.Random) -> Tally:
    """While a process writes, others are refused naming it; after a kill the lock is free."""
    tally = Tally("holder of a lock killed")
    folder = harness.folder()
    for _ in range(count):
        tally.tried += 1
        good = _refused_then_free(folder)
        tally.survived += good
        tally.lost += not good
    shutil.rmtree(folder)
    return tally


def _refused_then_free(folder: Path) -> bool:
    read, write = os.pipe()

    def hold() -> int:
        with lock_folder(folder):
            os.write(write, b"x")
            time.sleep(60)
        return 0

    child = fork(hold)
    os.read(read, 1)
    os.close(read)
    os.close(write)
    said = ""
    try:
        check_not_locked(folder)
    except CannotCreate as error:
        said = str(error)
    kill(child, signal.SIGKILL)
    wait(child)
    with lock_folder(folder):
        return f"process {child} " in said
