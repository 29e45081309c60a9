"""Kills the parent of a sweep at random moments until the sweep has finished."""

from __future__ import annotations

import gc
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from genrun.commands.resume import run as resume
from genrun.commands.train import run_sweep
from genrun.core.errors import CannotCreate
from genrun.core.status import RunStatus
from genrun.runs.checkpoint import list_checkpoints
from genrun.runs.folder import RunFolder
from genrun.runs.lock import check_not_locked
from genrun.sweeps.launch import fork_server
from genrun.sweeps.plan import is_sweep
from tests.conftest import last_wins
from tests.faults.harness import WORDS, Harness, Tally, final, fork, kill, wait

LINE = [
    *last_wins([*WORDS, "steps=300", "save_every=20", "log_every=10", "evaluate_every=50"]),
    "optimizer.lr=1e-3,3e-3", "seed=0,1", "hydra.sweep.dir=swept",
]  # fmt: skip
MAX_KILL_FRACTION = 0.7  # of the time that a sweep takes, before which its parent is killed
TRIES = 20
JOBS = 4


def parents_killed(harness: Harness, count: int, chance: random.Random) -> Tally:
    """Kills each sweep several times, resumes it, and compares it with an undisturbed one."""
    tally = Tally("a sweep's parent killed")
    undisturbed = harness.folder()
    started = time.monotonic()
    assert wait(_start(undisturbed)) == 0
    seconds = time.monotonic() - started
    expected = _finals(undisturbed)
    assert len(expected) == JOBS
    while tally.tried < count:
        folder = harness.folder()
        kills, reached = 0, list[tuple[Path, int]]()
        while tally.tried + kills < count and (kills == 0 or not _is_done(folder)):
            child = _start(folder)
            time.sleep(chance.uniform(0, MAX_KILL_FRACTION * seconds))
            kill(child)
            wait(child)
            _wait_until_free(folder / "swept")
            reached += _reached(folder)
            kills += 1
        code = wait(_start(folder))
        same = code == 0 and _finals(folder) == expected and _resumed_from(reached)
        if same:
            shutil.rmtree(folder)
        else:
            print(f"{folder}: ended with {code}")
        tally.tried += kills
        tally.survived += kills * same
        tally.lost += kills * (not same)
    return tally


def _is_done(folder: Path) -> bool:
    runs = [RunFolder(path.parent) for path in (folder / "swept").glob("*/run.json")]
    return len(runs) == JOBS and all(RunStatus(run.read()["status"]).ended for run in runs)


def _reached(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yields the jobs without a result, and the step of the newest checkpoint of each."""
    for path in (folder / "swept").glob("*/checkpoints"):
        run = RunFolder(path.parent)
        if run.has_run_json() and not RunStatus(run.read()["status"]).ended:
            yield from (
                (run.path, int(name.name.split("-")[1])) for name in list_checkpoints(path)[:1]
            )


def _resumed_from(reached: Sequence[tuple[Path, int]]) -> bool:
    """Whether every job resumed from what it had saved."""
    resumed = {path: [r["step"] for r in RunFolder(path).read()["resumed"]] for path, _ in reached}
    return all(step <= max(resumed[path], default=-1) for path, step in reached)


def _start(folder: Path) -> int:
    return fork(lambda: _sweep_or_resume(folder))


def _sweep_or_resume(folder: Path) -> int:
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    fork_server.METHOD = "fork"  # torch is imported here already
    fork_server._call = _call_with_one_pipe
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if is_sweep(Path("swept")):
        return resume(["swept"])
    shutil.rmtree("swept", ignore_errors=True)  # killed before it wrote a plan
    return run_sweep(LINE, None)


def _call_with_one_pipe(
    name: str, arguments: Sequence[Any], connection: Connection, call: Any = fork_server._call
) -> None:
    """Closes the parent's ends of other jobs' pipes, which a fork inherits and keeps open."""
    for other in gc.get_objects():
        if type(other) is Connection and other is not connection:
            other.close()
    call(name, arguments, connection)


def _wait_until_free(folder: Path) -> None:
    """Waits for the jobs, which save and end once the parent is dead, to release their locks."""
    for _ in range(TRIES * 10):
        try:
            for path in (folder, *folder.glob("*/")):
                check_not_locked(path)
        except CannotCreate:
            time.sleep(0.1)
        else:
            return


def _finals(folder: Path) -> dict[str, tuple[str, bytes]]:
    runs = [path.parent for path in (folder / "swept").glob("*/run.json")]
    return {path.name: final(path) for path in runs}
