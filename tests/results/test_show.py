"""`genrun show SWEEP`, by the real command, on sweeps in every state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from genrun import commands
from genrun.results.summary import plot
from genrun.runs import disk
from genrun.runs.lock import lock_folder
from tests.conftest import SMALL, last_wins
from tests.sweeps.made_up import make_sweep

Show = Callable[[Path], str]


def genrun(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genrun", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """Returns a function that runs `show` in this process, without drawing a picture."""
    monkeypatch.setattr(plot, "draw", lambda *_: {"png": b"png", "svg": b"svg"})

    def run(sweep: Path) -> str:
        capsys.readouterr()
        assert commands.run("show", [str(sweep)]) == 0
        return capsys.readouterr().out

    return run


def fact(shown: str, name: str) -> str:
    (line,) = (line for line in shown.splitlines() if line.split(" ")[0] == name)
    return line.removeprefix(name).strip()


def a_sweep(folder: Path) -> Path:
    """One of each: two finished, one diverged, one running, one not started."""

    def outcome(optimizer_lr: str, seed: str) -> float | str | None:
        came_to = {
            ("1e-4", "0"): 3.0, ("1e-4", "1"): 4.0, ("1e-3", "0"): "diverged",
            ("1e-3", "1"): "running",
        }  # fmt: skip
        return came_to.get((optimizer_lr, seed))  # type: ignore[return-value]

    return make_sweep(folder, {"optimizer.lr": ["1e-4", "1e-3"], "seed": ["0", "1", "2"]}, outcome)


def test_what_it_was_and_how_far_it_is(tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path / "sweep")
    done = genrun("show", str(sweep), folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout
    assert fact(shown, "command") == "genrun -m optimizer.lr=1e-4,1e-3 seed=0,1,2"
    assert fact(shown, "jobs") == "6: 2 finished, 2 missing, 1 diverged, 1 running"
    assert fact(shown, "state") == f"3 not done; resume with: genrun resume {sweep}"
    assert fact(shown, "picture") == str(sweep / "summary.png")
    assert "optimizer.lr=1e-3,seed=1: running, step 0 of 100" in shown
    assert "it diverged" in shown
    assert "\x1b" not in shown
    assert (sweep / "summary.csv").is_file()


def test_a_sweep_that_a_process_works_on_says_so(tmp_path: Path, show: Show) -> None:
    sweep = a_sweep(tmp_path / "sweep")
    with lock_folder(sweep):
        assert f"is being written by process {os.getpid()}" in fact(show(sweep), "state")


def test_damaged_jobs_are_rows(tmp_path: Path, show: Show) -> None:
    sweep = make_sweep(
        tmp_path / "sweep", {"n": [str(n) for n in range(7)]}, lambda n: float(n) + 1
    )
    (sweep / "n=0" / "run.json").write_bytes(b"\x00\xff{")
    (sweep / "n=1" / "run.json").write_text("[" * 100000)
    (sweep / "n=2" / "run.json").write_text('{"status": "failed", "reason": "", "choices": {}}')
    early = {"choices": {}, "overrides": [], "status": "failed", "reason": "\ud800\x1b]0;x\x07"}
    (sweep / "n=3" / "run.json").write_text(json.dumps(early | {"best": [1], "compute": "x"}))
    content = json.loads((sweep / "n=4" / "run.json").read_text())
    (sweep / "n=4" / "run.json").write_text(json.dumps(content | {"status": "running"}))
    (sweep / "n=4" / "timings.jsonl").write_text("{}\n")
    (sweep / "n=5" / "run.json").unlink()
    (sweep / "n=5" / "run.json").symlink_to("/dev/zero")
    shown = show(sweep)
    assert "4 failed" in shown
    assert "\x1b" not in shown
    jobs = json.loads((sweep / "summary.json").read_text())["jobs"]
    assert [job["status"] for job in jobs] == [*["failed"] * 4, "running", "missing", "finished"]
    assert jobs[6]["best"] == 7.0


def test_a_damaged_plan_is_one_line(tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path / "sweep")
    (sweep / "plan.json").write_text("{")
    done = genrun("show", str(sweep), folder=tmp_path)
    assert done.returncode == 76
    assert "plan.json: cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (sweep / "summary.json").exists()


def test_a_sweep_that_may_only_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, show: Show
) -> None:
    def refuse(path: Path) -> None:
        raise OSError(30, "Read-only file system")

    sweep = a_sweep(tmp_path / "sweep")
    monkeypatch.setattr(disk, "create", refuse)
    shown = show(sweep)
    assert "negative_elbo, lower is better" in shown
    assert "note: " in shown.splitlines()[-1]
    assert "Read-only file system" in shown.splitlines()[-1]


def test_files_of_a_stranger_are_replaced_not_followed(tmp_path: Path, show: Show) -> None:
    sweep = a_sweep(tmp_path / "sweep")
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for kind in ("json", "csv", "png", "svg"):
        (sweep / f"summary.{kind}").symlink_to(precious)
    show(sweep)
    assert precious.read_text() == "mine"
    assert not (sweep / "summary.json").is_symlink()


def test_neither_torch_nor_again_matplotlib_is_imported(tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path / "sweep")
    assert genrun("show", str(sweep), folder=tmp_path).returncode == 0
    code = (
        "import sys\n"
        "from genrun.cli import run\n"
        "run(['show', sys.argv[1]])\n"
        "print([name for name in ('torch', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, sweep], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.slow
def test_a_real_sweep_leaves_its_summary(tmp_path: Path) -> None:
    words = last_wins([*SMALL, "model=vae", "optimizer.lr=1e-4,1e-2,1e30", "sweep.seeds=2"])
    done = genrun("-m", *words, folder=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    (path,) = tmp_path.glob("outputs/*/*/summary.json")
    content = json.loads(path.read_text())
    best, second, never = content["configurations"]
    assert {best["label"], second["label"]} == {"optimizer.lr=0.0001", "optimizer.lr=0.01"}
    assert best["low"] < best["mean"] < best["high"]
    assert best["mean"] == pytest.approx(sum(v["best"] for v in best["values"]) / 2)
    assert (never["label"], never["failed"], never["mean"]) == ("optimizer.lr=1e+30", 2, None)
    assert content["spent"]["steps"] == sum(job["steps"] for job in content["jobs"])
    assert content["spent"]["seconds"] > 0
    for kind in ("csv", "png", "svg"):
        assert path.with_suffix(f".{kind}").stat().st_size > 100
    lines = done.stdout.splitlines()
    assert any(line.startswith("! 1e+30") for line in lines)
    before = path.read_bytes()
    shown = genrun("show", str(path.parent), folder=tmp_path).stdout
    assert fact(shown, "state") == "complete"
    assert path.read_bytes() == before
