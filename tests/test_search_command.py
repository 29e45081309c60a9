"""Searches with the real command: pruned, killed, shared, and run by Hydra's launchers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from genrun.commands.train import run_sweep
from genrun.core.errors import ConfigError
from genrun.sweeps.launch import fork_server
from genrun.sweeps.search.settings import check_optuna
from tests.conftest import SMALL, last_wins

pytest.importorskip("optuna")

from optuna.trial import TrialState

from genrun.runs.optuna_journal import open_study
from genrun.sweeps.plan import read_plan

TINY = [*SMALL, "model=vae", "backbone.hidden=[16]", "sample_every=1000"]
RATES = "optimizer.lr=log 1e-5..1e-1"


def start(*words: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "genrun", *last_wins(words)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*words: str, folder: Path) -> tuple[int, str, str]:
    process = start(*words, folder=folder)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def the_sweep(folder: Path) -> Path:
    (plan,) = folder.glob("outputs/*/*/plan.json")
    return plan.parent


def bytes_below(folder: Path) -> int:
    """The bytes of journals and logs, which grow as a search runs."""
    files = [*folder.glob("outputs/*/*/search.jsonl"), *folder.glob("outputs/*/*/*/metrics.jsonl")]
    return sum(path.stat().st_size for path in files)


def steps_logged(run: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_a_search_prunes_and_reports_the_best(tmp_path: Path) -> None:
    prune = [
        "stopping=pruner",
        "stopping.pruner.warmup_steps=6",
        "stopping.pruner.startup_trials=1",
    ]
    words = ["hydra/sweeper=tpe", "hydra.sweeper.trials=6", "hydra.launcher.jobs=1", *prune]
    code, out, err = finish("-m", *TINY, RATES, *words, folder=tmp_path)
    assert (code, err) == (0, ""), "neither Optuna nor Python warns of anything"
    found = the_sweep(tmp_path)
    trials = open_study(found / "search.jsonl").trials()
    states = [trial.state for trial in trials]
    assert states[0] == TrialState.COMPLETE
    assert set(states) == {TrialState.COMPLETE, TrialState.PRUNED}
    for trial, job in zip(trials, read_plan(found).jobs, strict=True):
        info = json.loads((found / job.name / "run.json").read_text())
        if trial.state == TrialState.COMPLETE:
            assert (info["status"], trial.value) == ("finished", info["best"]["value"])
        else:
            assert info["status"] == "stopped_early"
            assert info["reason"].startswith("pruner: median, negative_elbo was ")
            assert info["step"] in (6, 12)
        assert list(trial.intermediate_values) == [s for s in (6, 12) if s <= info["step"]]
    best = min(t.value for t in trials if t.value and t.state == TrialState.COMPLETE)
    assert f"({best:.5g}), trial" in out
    assert f"trials: {states.count(TrialState.COMPLETE)} complete" in out

    relative = str(found.relative_to(tmp_path))
    code, out, err = finish("resume", relative, folder=tmp_path)
    assert (code, err) == (0, "")
    assert len(open_study(found / "search.jsonl").trials()) == 6, "there was nothing left to do"
    code, _, err = finish("resume", relative, "hydra.sweeper.trials=5", folder=tmp_path)
    assert code == 2
    assert "hydra.sweeper.trials=5: must be an integer from 6 to 1000" in err
    code, _, _ = finish("resume", relative, "hydra.sweeper.trials=7", folder=tmp_path)
    assert code == 0
    assert len(open_study(found / "search.jsonl").trials()) == 7


@pytest.mark.slow
def test_a_search_killed_again_and_again_tries_each_point_once(tmp_path: Path) -> None:
    words = ["hydra/sweeper=random", "hydra.sweeper.trials=3", "hydra.sweeper.seeds=2"]
    (tmp_path / "whole").mkdir()
    assert finish("-m", *TINY, RATES, *words, folder=tmp_path / "whole")[0] == 0
    folder = tmp_path / "killed"
    folder.mkdir()
    kills, next_words = 0, ["-m", *TINY, RATES, *words]
    for growth in (1, 900, 1, 1500, 10**9):
        goal = bytes_below(folder) + growth
        process = start(*next_words, folder=folder)
        while process.poll() is None and bytes_below(folder) < goal:
            time.sleep(0.01)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.communicate(timeout=300)
        next_words = ["resume", str(the_sweep(folder).relative_to(folder))]
    assert kills >= 3
    assert process.returncode == 0
    one, other = the_sweep(tmp_path / "whole"), the_sweep(folder)
    asked = [open_study(place / "search.jsonl").trials() for place in (one, other)]
    whole = [trial for trial in asked[1] if "abandoned" not in trial.user_attrs]
    assert [trial.state for trial in whole] == [TrialState.COMPLETE] * 3
    if len(whole) == len(asked[1]):  # killed while it asked, it draws the next point
        assert [trial.params for trial in asked[0]] == [trial.params for trial in asked[1]]
        assert [trial.value for trial in asked[0]] == [trial.value for trial in asked[1]]
    jobs = read_plan(other).jobs
    assert len({job.identity for job in jobs}) == len(jobs) == 6
    for job in jobs:
        assert steps_logged(other / job.name) == [0, 4, 6, 8, 12], "each step once"


@pytest.mark.slow
def test_two_processes_share_a_search(tmp_path: Path) -> None:
    words = ["hydra/sweeper=tpe", "hydra.sweeper.trials=6", "sweep.seeds=2"]
    first = start("-m", *TINY, RATES, *words, "hydra.launcher.jobs=1", folder=tmp_path)
    while not list(tmp_path.glob("outputs/*/*/*/metrics.jsonl")):
        assert first.poll() is None
        time.sleep(0.01)
    found = the_sweep(tmp_path)
    relative = str(found.relative_to(tmp_path))
    code, out, err = finish("resume", relative, "hydra.launcher.jobs=1", folder=tmp_path)
    assert (code, err) == (0, "")
    first_out, first_err = first.communicate(timeout=300)
    assert (first.returncode, first_err) == (0, "")
    trials = open_study(found / "search.jsonl").trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 6
    jobs = read_plan(found).jobs
    assert len({job.identity for job in jobs}) == len(jobs) == 12
    for job in jobs:
        assert (f"{job.name}: finished" in out) != (f"{job.name}: finished" in first_out)
        assert steps_logged(found / job.name) == [0, 4, 6, 8, 12]
    assert "the mean of 2 seeds" in out + first_out


@pytest.mark.slow
def test_the_basic_launcher_runs_a_search_in_batches(tmp_path: Path) -> None:
    words = ["hydra/launcher=basic", "sweep=tune_lr", "hydra.sweeper.trials=3"]
    code, out, err = finish("-m", *TINY, *words, "hydra.sweeper.batch=2", folder=tmp_path)
    assert (code, err) == (0, "")
    found = the_sweep(tmp_path)
    states = [trial.state for trial in open_study(found / "search.jsonl").trials()]
    assert states == [TrialState.COMPLETE] * 3
    assert "trials: 3 complete" in out
    assert not (tmp_path / "multirun").exists()


@pytest.fixture
def nothing_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory; no fork server is started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fork_server, "warm_up", lambda *modules: None)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hydra/sweeper=tpe"], "hydra.sweeper.space: is empty"),
        (["hydra/sweeper=tpe", "optimizer.lr=log 0..1"], "must begin above 0"),
        (["hydra/sweeper=tpe", "optimizer.lr=-1..1"], "optimizer.lr=-1.0: must be at least 0"),
        (["hydra/sweeper=tpe", "optimizer.lrr=0..1"], "did you mean lr"),
        (["hydra/sweeper=tpe", "optimizer=adam,addam"], "did you mean adam"),
        (["hydra/sweeper=grid", RATES], "has too many values for a grid"),
        (["hydra/sweeper=tpe", RATES, "hydra.sweeper.trials=0"], "hydra.sweeper.trials=0"),
        (["hydra/sweeper=tpe", RATES, "hydra.sweeper.trails=3"], "hydra.sweeper.trails"),
        (["hydra/sweeper=tpe", RATES, "+hydra.sweeper.foo=3"], "hydra.sweeper.foo"),
        (["hydra/sweeper=tpf", RATES], "there is no such choice of hydra/sweeper"),
        (["hydra.sweeper.space.optimizer.lr=0..1"], "needs a sweeper that searches"),
        (["optimizer.lr=interval(0,1)"], "hydra/sweeper=tpe searches it"),
        (["stopping=pruner", "optimizer.lr=0.1,0.2"], "the pruner works only in a search"),
    ],
)
def test_an_invalid_search_creates_nothing(
    words: list[str], said: str, nothing_starts: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        run_sweep(words, None)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert list(nothing_starts.iterdir()) == []


def test_a_search_without_optuna_says_how_to_install_it(
    nothing_starts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("genrun.sweeps.search.settings.version", version)
    with pytest.raises(ConfigError, match=r"pip install 'genrun\[tune\]'"):
        run_sweep(["hydra/sweeper=tpe", RATES], None)
    monkeypatch.setattr("genrun.sweeps.search.settings.version", lambda name: "4.8.1")
    with pytest.raises(ConfigError, match=r"Optuna 4\.9 or newer"):
        check_optuna()
    monkeypatch.setattr("genrun.sweeps.search.settings.version", lambda name: "4.10.0rc1")
    check_optuna()
    assert list(nothing_starts.iterdir()) == []


@pytest.mark.slow
def test_the_pruner_alone_creates_nothing(tmp_path: Path) -> None:
    code, _, err = finish(*TINY, "stopping=pruner", folder=tmp_path)
    assert code == 2
    assert "stopping.pruner: works only in a search" in err
    code, _, err = finish("sweep=tune_lr", folder=tmp_path)
    assert code == 2
    assert "genrun -m" in err
    assert os.listdir(tmp_path) in ([], ["cache"])
