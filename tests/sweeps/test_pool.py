"""However a job fails, the sweep continues, and the summary has one row for each job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from genrun.commands.resume import run as resume
from genrun.core.errors import ConfigError
from tests.conftest import last_wins
from tests.sweeps.commands import PLUGIN, SHORT, command, processes_of, rows, start

pytestmark = pytest.mark.slow
EXPECTED = {  # how a job fails: its status, and part of the reason
    "none": ("finished", "all 12 steps done"),
    "raises": ("failed", "IndexError: list index out of range (breaking.py:"),
    "refuses": ("failed", "an image is truncated"),
    "exits": ("failed", "SystemExit: 0"),
    "leaves": ("failed", "its process exited with 3"),
    "killed": ("failed", "ended by SIGKILL (the system may be out of memory)"),
    "segfault": ("failed", "ended by SIGSEGV"),
    "hangs": ("failed", "took longer than timeout_seconds=10"),
    "memory": ("failed", "out of memory with data.batch_size=8"),
    "diverges": ("diverged", "loss was nan at step"),
    "once": ("finished", "all 12 steps done"),
}


@pytest.mark.parametrize("turn", [0, 4, 8] if os.environ.get("GENRUN_FAULTS") == "long" else [4])
def test_a_failing_job_is_one_row(turn: int, work: Path) -> None:
    """Each way to fail is first, in the middle and last, and runs next to every other one."""
    ways = [*EXPECTED][turn:] + [*EXPECTED][:turn]
    words = ["-m", *SHORT, *PLUGIN, f"model.how={','.join(ways)}", "runtime.threads=1"]
    done = command([*last_wins(words), "hydra.launcher.timeout_seconds=10"], work)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "9 of 11 jobs failed" in done.stderr
    found = rows(work)
    assert [row["name"] for row in found] == [f"model.how={how}" for how in ways]
    for how, row in zip(ways, found, strict=True):
        status, reason = EXPECTED[how]
        assert (row["status"], reason in row["reason"]) == (status, True), row
    again = [line for line in done.stdout.splitlines() if "retrying" in line]
    assert sorted(line.split("how=")[1].split(":")[0] for line in again) == [
        "killed", "leaves", "once", "segfault",
    ]  # fmt: skip
    assert "IndexError" in (work / "swept" / "model.how=raises" / "output.txt").read_text()
    assert processes_of(work) == []


def test_ten_equal_failures_pause_the_sweep(work: Path) -> None:
    seeds = ",".join(map(str, range(16)))
    words = ["-m", *SHORT, *PLUGIN, "model.how=raises", f"seed={seeds}"]
    done = command(last_wins(words), work)
    assert done.returncode == 75, done.stderr
    assert "10 jobs in a row failed for the same reason" in done.stdout
    assert "genrun resume" in done.stderr
    statuses = [row["status"] for row in rows(work)]
    assert 10 <= statuses.count("failed") < 16
    left = statuses.count("missing") + statuses.count("interrupted")  # one may have started
    assert left == 16 - statuses.count("failed")


def test_a_job_that_stops_when_its_time_is_over_has_failed(work: Path) -> None:
    words = ["-m", *SHORT, "hydra.sweep.dir=swept", "model=vae", "seed=0,1", "steps=1000000"]
    done = command(last_wins([*words, "hydra.launcher.timeout_seconds=2"]), work)
    assert done.returncode == 3, done.stderr
    assert {row["status"] for row in rows(work)} == {"failed"}
    assert {row["reason"] for row in rows(work)} == {"took longer than timeout_seconds=2"}
    assert all(row["steps"] > 0 and row["examples"] == 8 * row["steps"] for row in rows(work))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["data.batch_size=8,10000"], 2, "data.batch_size=10000: "),
        (["data.batch_size=8,9000,10000"], 2, "2 points: data.batch_size=9000: "),
        (["seed=0,1", "hydra.launcher.jobs=1000"], 2, "hydra.launcher.jobs=1000: this machine"),
        (["seed=5,6", "sweep.seeds=2"], 2, "sweep.seeds=2: the seeds are already set"),
    ],
)
def test_an_invalid_sweep_creates_nothing(
    words: list[str], code: int, said: str, work: Path
) -> None:
    before = sorted(work.iterdir())
    done = command(["-m", *last_wins([*SHORT, *words])], work)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert done.stdout == ""
    assert sorted(work.iterdir()) == before


@pytest.fixture
def slow_sweep(work: Path) -> Iterator[subprocess.Popen[str]]:
    words = ["-m", *SHORT, "hydra.sweep.dir=swept", "model=vae", "seed=0,1,2,3", "steps=1500"]
    process = start(
        last_wins([*words, "save_every=100", "evaluate_every=1500", "log_every=50"]), work
    )
    swept = work / "swept"
    until = time.monotonic() + 120
    while len([*swept.glob("*/checkpoints/ckpt-00000001*")]) < 1:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
    yield process
    process.kill()
    process.communicate()


def resumed(work: Path) -> list[bytes]:
    """Resumes the sweep to its end; returns the final logs."""
    done = command(["resume", "swept"], work)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {row["status"] for row in rows(work)} == {"finished"}
    logs = [path.read_bytes() for path in sorted((work / "swept").glob("*/metrics.jsonl"))]
    assert len(logs) == 4
    for log in logs:
        steps = [json.loads(line)["step"] for line in log.splitlines()]
        assert steps == sorted(set(steps))
        assert steps[-1] == 1500
    return logs


def test_an_interrupted_sweep_stops_all_jobs_and_can_be_resumed(
    slow_sweep: subprocess.Popen[str], work: Path
) -> None:
    slow_sweep.send_signal(signal.SIGINT)
    output, errors = slow_sweep.communicate(timeout=60)
    assert slow_sweep.returncode == 75, output + errors
    assert "genrun resume" in errors
    assert "Traceback" not in output + errors
    assert {row["status"] for row in rows(work)} <= {"interrupted", "missing", "finished"}
    assert "interrupted" in {row["status"] for row in rows(work)}
    assert processes_of(work) == []
    resumed(work)


def test_a_resumed_job_has_the_threads_it_started_with(work: Path) -> None:
    words = [*SHORT, "hydra.sweep.dir=swept", "model=vae", "save_every=100", "log_every=100"]
    words = last_wins([*words, "steps=100,3000", "runtime.threads=null"])
    process = start(["-m", *words], work)
    long = work / "swept" / "steps=3000"
    until = time.monotonic() + 60
    while not [*long.glob("checkpoints/ckpt-00000002*")] and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 75, process.communicate()
    process.communicate()
    assert command(["resume", "swept"], work).returncode == 0
    (resumed,) = json.loads((long / "run.json").read_text())["resumed"]
    assert resumed["exact"], resumed
    assert resumed["step"] >= 200


def test_a_sweep_cannot_be_resumed_with_torchrun(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(["-m", *last_wins([*SHORT, "hydra.sweep.dir=swept", "seed=0,1"])], work)
    place = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in {**place, "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="without torchrun"):
        resume([str(work / "swept")])


def test_jobs_stop_with_a_parent_that_was_killed(
    slow_sweep: subprocess.Popen[str], work: Path
) -> None:
    slow_sweep.kill()
    slow_sweep.communicate()
    until = time.monotonic() + 30
    while processes_of(work) and time.monotonic() < until:
        time.sleep(0.1)
    assert processes_of(work) == []
    resumed(work)
    before = {p: p.read_bytes() for p in (work / "swept").rglob("*") if p.is_file()}
    resumed(work)
    after = {p: p.read_bytes() for p in (work / "swept").rglob("*") if p.is_file()}
    changed = {p.name for p in before if before[p] != after[p]}
    assert changed <= {".lock"}, "a finished sweep is left as it is"


def test_a_second_sweep_on_the_same_folder_is_refused(
    slow_sweep: subprocess.Popen[str], work: Path
) -> None:
    done = command(["resume", "swept"], work)
    assert done.returncode == 73
    assert f"process {slow_sweep.pid}" in done.stderr


def test_the_parent_reads_the_plan_at_most_once(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new sweep has its plan in memory; a resumed one reads it once."""
    from genrun.commands.train import run_sweep
    from genrun.runs import untrusted_json
    from genrun.sweeps import plan

    reads: list[Path] = []

    def counted(path: Path, largest: int) -> object:
        reads.append(path)
        return untrusted_json.read_json(path, largest)

    monkeypatch.setattr(plan, "read_json", counted)
    monkeypatch.chdir(work)
    assert (
        run_sweep(
            last_wins([*SHORT, "model=autoencoder", "seed=0,1", "hydra.sweep.dir=swept"]), None
        )
        == 0
    )
    assert reads == []
    assert resume(["swept"]) == 0
    assert [path.name for path in reads] == ["plan.json"]
