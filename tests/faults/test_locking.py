"""One writer a folder, and a folder for each run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from genrun.core.errors import CannotCreate
from genrun.runs.files import claim
from genrun.runs.lock import only_writer, refuse_if_locked
from tests.conftest import SMALL
from tests.faults.harness import fork, kill, wait

PROCESSES = 64
HOLD = "import sys, time, pathlib\nfrom genrun.runs.lock import only_writer\n"
HOLD += (
    "with only_writer(pathlib.Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
)


def test_processes_started_at_once_get_folders_of_their_own(tmp_path: Path) -> None:
    read, write = os.pipe()
    wanted = tmp_path / "a" / "run"

    def take() -> int:
        os.close(write)
        os.read(read, 1)  # all wait for the parent to let go
        folder = claim(wanted)
        with only_writer(folder):
            (folder / str(os.getpid())).touch()
        return 0

    children = [fork(take) for _ in range(PROCESSES)]
    os.close(write)
    assert [wait(child) for child in children] == [0] * PROCESSES
    folders = list(wanted.parent.iterdir())
    assert len(folders) == PROCESSES
    assert all(len(list(folder.glob("[0-9]*"))) == 1 for folder in folders)


def test_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    """As often as 20 times; `python -m tests.faults` kills no faster."""
    for _ in range(20):
        read, write = os.pipe()

        def hold(write: int = write) -> int:
            with only_writer(tmp_path):
                os.write(write, b"x")
                time.sleep(60)
            return 0

        child = fork(hold)
        os.read(read, 1)
        with pytest.raises(CannotCreate, match=f"process {child} "):
            refuse_if_locked(tmp_path)
        kill(child, signal.SIGKILL)
        wait(child)
        os.close(read)
        os.close(write)
        with only_writer(tmp_path):
            pass


def test_a_second_writer_is_refused_with_the_process_that_holds_it(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "genrun"]
    done = subprocess.run([*words, *SMALL], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.glob("outputs/*/*")
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(run)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        again = subprocess.run(
            [*words, "resume", str(run), "steps=20"], capture_output=True, text=True
        )
        assert again.returncode == 73, again.stderr
        assert f"process {holder.pid} " in again.stderr
        assert json.loads((run / "run.json").read_text())["steps"] == 12
    finally:
        holder.kill()
        holder.wait()
    again = subprocess.run([*words, "resume", str(run), "steps=20"], cwd=tmp_path)
    assert again.returncode == 0
