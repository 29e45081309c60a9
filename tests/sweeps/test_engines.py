"""Sweeps with Hydra's launchers for clusters behave as with genrun's own."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.conftest import last_wins
from tests.sweeps.commands import PLUGIN, SHORT, command, processes_of, rows, start

pytestmark = pytest.mark.engines
ENGINES = {
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
    "ray": "hydra_plugins.hydra_ray_launcher",
}
WAYS = ["none", "raises", "leaves", "segfault", "diverges"]
STATUSES = ["finished", "failed", "failed", "failed", "diverged"]
LONG = [
    *SHORT, "hydra.sweep.dir=swept", "model=vae", "seed=0,1", "steps=100000", "save_every=200",
    "evaluate_every=100000", "log_every=100",
]  # fmt: skip


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    try:
        found = importlib.util.find_spec(ENGINES[name])
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"the extra with {name} is not installed")
    return f"hydra/launcher={name}"


def wait_for(
    condition: Callable[[], object], process: subprocess.Popen[str] | None = None
) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def train_until_saved(words: Sequence[str], work: Path) -> subprocess.Popen[str]:
    process = start(last_wins(["-m", *LONG, *words]), work)
    swept = work / "swept"
    jobs = 1 if "seed=0" in words else 2
    wait_for(lambda: len([*swept.glob("*/checkpoints/ckpt-*[1-9]00-*")]) >= jobs, process)
    return process


def last_steps(work: Path) -> list[int]:
    """Returns the last steps of the interrupted runs."""
    runs = [json.loads(path.read_text()) for path in (work / "swept").glob("*/run.json")]
    return [run["step"] for run in runs if run["status"] == "interrupted"]


def test_every_job_is_one_row_and_only_what_failed_is_run_again(engine: str, work: Path) -> None:
    words = ["-m", *SHORT, *PLUGIN, engine, f"model.how={','.join(WAYS)}", "runtime.threads=1"]
    done = command(last_wins(words), work)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "4 of 5 jobs failed" in done.stderr
    assert [row["status"] for row in rows(work)] == STATUSES
    assert "its process exited with 3" in rows(work)[2]["reason"]
    assert "SIGSEGV" in rows(work)[3]["reason"]
    before = {
        row["name"]: (work / "swept" / row["name"] / "run.json").stat() for row in rows(work)
    }
    again = command(["resume", "swept", engine, "plugins=[breaking]"], work)
    assert again.returncode == 3, again.stdout + again.stderr
    assert [row["status"] for row in rows(work)] == STATUSES
    now = {name: (work / "swept" / name / "run.json").stat() for name in before}
    same = [name for name in before if before[name].st_mtime_ns == now[name].st_mtime_ns]
    assert same == ["model.how=none", "model.how=diverges"], "these have a result"


def test_a_signal_to_the_sweep_stops_the_jobs_resumably(engine: str, work: Path) -> None:
    process = train_until_saved([engine], work)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 75, output + errors
    assert "genrun resume" in errors
    assert "Traceback" not in output + errors
    assert {row["status"] for row in rows(work)} <= {"interrupted", "missing"}
    assert any(step % 200 for step in last_steps(work)), "they saved when they were stopped"
    wait_for(lambda: not processes_of(work))


def test_jobs_save_when_the_sweep_was_killed(work: Path) -> None:
    """joblib's jobs would train on; submitit's are meant to, and Ray ends its own."""
    pytest.importorskip("joblib")
    process = train_until_saved(["hydra/launcher=joblib"], work)
    process.kill()
    process.communicate()
    wait_for(lambda: not processes_of(work))
    assert len(last_steps(work)) == 2


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM])
def test_submitit_saves_and_queues_again_what_is_preempted(number: int, work: Path) -> None:
    """On SIGUSR2, which announces preemption, submitit queues the job again, and it resumes."""
    pytest.importorskip("submitit")
    words = ["hydra/launcher=submitit_local", "seed=0"]
    process = train_until_saved(words, work)
    task = next(int(pid) for pid in processes_with(work, "submitit.core._submit"))
    os.kill(task, number)
    run = work / "swept" / "job" / "run.json"
    if number == signal.SIGTERM:  # which does not announce a requeue
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 75, output + errors
        assert json.loads(run.read_text())["status"] == "interrupted"
        return
    wait_for(lambda: json.loads(run.read_text())["resumed"], process)
    resumed = json.loads(run.read_text())["resumed"]
    assert resumed[0]["exact"]
    assert resumed[0]["step"] > 0
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 75, output + errors


def processes_with(folder: Path, word: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            here = (entry / "cwd").resolve() == folder.resolve()
            if here and word in (entry / "cmdline").read_text():
                found.append(entry.name)
        except OSError:
            continue
    return found
