"""The whole protocol by the real command, and what is left to do wherever it was killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SMALL
from tests.sweeps.commands import command, start

WORDS = [
    "prove", "contestants=[adam,sgd]", "model=autoencoder", *SMALL[:4], "trials=2", "seeds=2",
    "test=8", "budget=6", "evaluate_every=3", "save_every=3", "runtime.device=cpu",
    "runtime.threads=1", "backbone.hidden=[16]", "metric=[]", "hydra.sweep.dir=proof",
]  # fmt: skip
UNREPEATABLE = ("tested", "started")


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole proof."""
    folder = tmp_path_factory.mktemp("proved")
    result = command(WORDS, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    (folder / "said.txt").write_text(result.stdout)
    return folder


def left(folder: Path) -> dict[str, Any]:
    """What the proof found, and by which steps: clocks left out."""
    found: dict[str, Any] = {"proof": json.loads((folder / "proof" / "proof.json").read_text())}
    del found["proof"]["cost"]["seconds"]
    for path in sorted((folder / "proof").glob("*/*/metrics.jsonl")):
        found[str(path.relative_to(folder))] = path.read_text()
    for path in sorted((folder / "proof").glob("*/*/test.json")):
        content = json.loads(path.read_text())
        found[str(path.relative_to(folder))] = {
            key: value for key, value in content.items() if key not in UNREPEATABLE
        }
    return found


@pytest.mark.slow
def test_the_protocol_from_tuning_to_the_test(proved: Path) -> None:
    proof = json.loads((proved / "proof" / "proof.json").read_text())
    plans = {
        stage: json.loads((proved / "proof" / stage / "plan.json").read_text())["jobs"]
        for stage in ("tuning", "final")
    }
    seeds = {stage: {job["config"]["seed"] for job in jobs} for stage, jobs in plans.items()}
    assert seeds == {"tuning": {0}, "final": {1, 2}}
    assert {job["config"]["data"]["test"] for jobs in plans.values() for job in jobs} == {8}
    assert {job["config"]["steps"] for jobs in plans.values() for job in jobs} == {6}
    for label in ("adam", "sgd"):
        names = [name for (name,) in proof["contestants"][label]["tuning"]]
        best = {
            name: json.loads((proved / "proof" / "tuning" / name / "run.json").read_text())["best"]
            for name in names
        }
        winner = proof["winners"][label]
        assert winner["value"] == min(one["value"] for one in best.values())
        lr = proof["contestants"][label]["trials"][winner["trial"]]["optimizer.lr"]
        finals = [job for job in plans["final"] if job["name"] in winner["final"]]
        assert {job["config"]["optimizer"]["lr"] for job in finals} == {float(lr)}
        for name in winner["final"]:
            tested = json.loads((proved / "proof" / "final" / name / "test.json").read_text())
            assert tested["images"] == 8
            run = json.loads((proved / "proof" / "final" / name / "run.json").read_text())
            assert tested["values"]["mse"] != run["best"]["value"]
            assert tested["data"]["digest"] == run["data"]["digest"]
    said = (proved / "said.txt").read_text()
    assert said.index("in all 8 runs, 48 steps") < said.index("stage 1 of 3")
    verdict = json.loads((proved / "proof" / "verdict.json").read_text())
    assert len(verdict["sentences"]) == 1
    assert said.index("stage 3 of 3") < said.index(verdict["sentences"][0])


def before_the_winners_are_noted(proof: Path) -> None:
    """Killed between the last stage's plan and proof.json, and a job of tuning was lost since."""
    run = proof / "tuning" / "sgd-001"
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "status": "running", "reason": ""}))
    for path in (proof / "final").glob("*-seed-*"):
        shutil.rmtree(path)
    content = json.loads((proof / "proof.json").read_text())
    (proof / "proof.json").write_text(json.dumps({**content, "winners": None}))


def in_the_last_stage(proof: Path) -> None:
    """Killed while the winners run, and of those that did some were tested before by hand."""
    shutil.rmtree(proof / "final" / "adam-seed-2")
    (proof / "final" / "sgd-seed-1" / "test.json").unlink()


@pytest.mark.slow
@pytest.mark.parametrize("kill", [before_the_winners_are_noted, in_the_last_stage])
def test_a_killed_proof_comes_to_the_same(
    proved: Path, kill: Callable[[Path], None], tmp_path: Path
) -> None:
    shutil.copytree(proved / "proof", tmp_path / "proof")
    kill(tmp_path / "proof")
    shown = command(["show", "proof"], tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "resume with: genrun resume proof" in shown.stdout
    result = command(["resume", "proof"], tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert left(tmp_path) == left(proved)
    shown = command(["show", "proof"], tmp_path)
    assert "complete" in shown.stdout
    assert "48 steps" in shown.stdout.partition("spent")[2].partition("tuning")[0]


@pytest.mark.slow
def test_a_signal_leaves_what_can_be_gone_on_with(proved: Path, tmp_path: Path) -> None:
    process = start(WORDS, tmp_path)
    while not list(tmp_path.glob("proof/tuning/*/run.json")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 75, output + errors
    assert "resume with: genrun resume " in output + errors
    killed = start(["resume", "proof"], tmp_path)
    while not list(tmp_path.glob("proof/final/*/run.json")) and killed.poll() is None:
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    result = command(["resume", "proof"], tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert left(tmp_path) == left(proved)


@pytest.mark.slow
def test_a_dry_run_creates_nothing(tmp_path: Path) -> None:
    result = command([*WORDS, "dry=true"], tmp_path)
    assert result.returncode == 0, result.stderr
    assert "in all 8 runs, 48 steps" in result.stdout
    assert not list(tmp_path.iterdir())
