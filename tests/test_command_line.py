"""The real command, in a process of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import genrun
from genrun.core.types import RunSummary
from genrun.terminal.live import LiveDisplay
from tests.conftest import SMALL, choices, last_wins

TINY = [*SMALL, "sample_every=6"]


def command(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "genrun", *last_wins(words)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def the_run(folder: Path) -> Path:
    (found,) = folder.glob("outputs/*/*/run.json")
    return found.parent


def test_a_run_leaves_everything_and_can_be_used(tmp_path: Path) -> None:
    done = command(*TINY, "model=gan", "optimizer=adam", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    run = the_run(tmp_path)
    assert run.name.endswith("-gan-adam")
    left = {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()}
    assert {
        "config.yaml", "run.json", "metrics.jsonl", "timings.jsonl", ".hydra/overrides.yaml",
        "samples/step-000000.png", "samples/step-000012.png",
    } <= left  # fmt: skip
    info = json.loads((run / "run.json").read_text())
    assert (info["status"], info["step"]) == ("finished", 12)
    assert len(info["data"]["digest"]) == 64
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 4, 6, 8, 12]
    assert not any("second" in name for row in rows for name in row), "no clock in the log"
    assert f"folder: {run.relative_to(tmp_path)}" in done.stdout
    assert "samples/step-000012.png" in done.stdout

    relative = str(run.relative_to(tmp_path))
    again = command("resume", relative, folder=tmp_path)
    assert again.returncode == 0
    assert "finished: all 12 steps done; nothing to resume" in again.stdout
    sampled = command("sample", relative, "count=5", "out=five.npz", folder=tmp_path)
    assert sampled.returncode == 0, sampled.stderr
    with np.load(tmp_path / "five.npz") as arrays:
        images = arrays["images"]
    opened = genrun.Run.open(run)
    drawn = opened.sample(5, seed=0).numpy()  # on one thread here, on all of them there
    np.testing.assert_allclose(drawn, images, rtol=0, atol=1e-6)
    assert opened.metrics["step"].tolist() == [0, 4, 6, 8, 12]
    assert set(opened.networks("last")) == {"generator", "discriminator"}
    shown = command("show", relative, folder=tmp_path)
    assert "held_out/sliced_wasserstein" in shown.stdout
    assert relative in command("list", folder=tmp_path).stdout


def test_the_documented_combination(tmp_path: Path) -> None:
    words = ["model=autoencoder", "optimizer=rmsprop", "stopping=early"]
    done = command(*TINY, *words, "regularization=[batch_norm,dropout]", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (the_run(tmp_path) / "samples" / "step-000012-reconstructions.png").is_file()


def test_a_sweep_has_a_folder_a_job_and_a_summary(tmp_path: Path) -> None:
    words = ["-m", *TINY, "model=vae", "optimizer.lr=1e-4,1e-3,1e30"]
    done = command(*words, folder=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    (summary,) = tmp_path.glob("outputs/*/*/summary.json")
    jobs = json.loads(summary.read_text())["jobs"]
    assert [job["status"] for job in jobs] == ["finished", "finished", "diverged"]
    assert "at step" in jobs[2]["reason"]
    assert "1 of 3 jobs failed" in done.stderr


def test_experiments_of_your_own_and_flags_in_any_place(tmp_path: Path) -> None:
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    (tmp_path / "mine" / "experiment" / "short.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /model: vae\nsteps: 3\n"
    )
    words = ["--config-dir", "mine", "experiment=short", "-m", "seed=0,1"]
    done = command(*[w for w in TINY if not w.startswith("steps")], *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    infos = [json.loads(p.read_text()) for p in tmp_path.glob("outputs/*/*/*/run.json")]
    assert sorted((i["seed"], i["step"], i["choices"]["model"]) for i in infos) == [
        (0, 3, "vae"), (1, 3, "vae"),
    ]  # fmt: skip


def test_a_model_of_your_own_from_a_plugin(tmp_path: Path) -> None:
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "mine.yaml").write_text(
        "_target_: my_models.Linear\nlatent_dim: 4\n"
    )
    (tmp_path / "my_models.py").write_text(
        "from genrun.components.model.autoencoder import Autoencoder\n\n"
        "class Linear(Autoencoder):\n    pass\n"
    )
    words = [*TINY, "model=mine", "--config-dir", "conf"]
    refused = command(*words, folder=tmp_path)
    assert refused.returncode == 2
    assert "plugins=[" in refused.stderr
    assert not (tmp_path / "outputs").exists()
    done = command(*words, "plugins=[my_models]", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    run = str(the_run(tmp_path))
    assert command("sample", run, folder=tmp_path).returncode == 2
    assert command("sample", run, "plugins=[my_models]", folder=tmp_path).returncode == 0


def test_a_signal_stops_after_the_step_and_resume_goes_on(tmp_path: Path) -> None:
    words = [*TINY, "model=vae", "log_every=1000", "evaluate_every=100000", "save_every=100000"]
    alone = command(*words, "steps=400", folder=tmp_path)
    assert alone.returncode == 0, alone.stderr
    expected = next((the_run(tmp_path) / "checkpoints").glob("ckpt-0000000400-*")).name

    words = last_wins([*words, "steps=400", "hydra.run.dir=stopped"])
    process = subprocess.Popen(
        [sys.executable, "-m", "genrun", *words],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    first = tmp_path / "stopped" / "checkpoints"
    while not list(first.glob("ckpt-*")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    if process.returncode == 0:
        pytest.skip("the run was over before the signal came")
    assert process.returncode == 75
    assert "genrun resume stopped" in output
    resumed = command("resume", "stopped", folder=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert (first / expected).is_file()


@pytest.mark.parametrize(
    ("words", "code"),
    [(["model=gann"], 2), (["optimizer.lr=-1"], 2), (["runtime.device=cuda"], 69)],
)
def test_exit_codes_reach_the_shell(words: list[str], code: int, tmp_path: Path) -> None:
    if code == 69:
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("there is a GPU")
    done = command(*words, folder=tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    whole = command(*words, folder=tmp_path, HYDRA_FULL_ERROR="1")
    assert "Traceback" in whole.stderr
    assert list(tmp_path.iterdir()) == []


def test_train_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = genrun.train([*TINY, "model=vae", "regularization=ema"], quiet=True)
    assert run.status == "finished"
    assert np.isfinite(run.metrics["held_out/negative_elbo"][[0, -1]]).all()
    assert np.isnan(run.metrics["held_out/negative_elbo"][1]), "not evaluated at step 4"
    best, last = (run.networks(weights) for weights in ("best", "last"))
    assert not best.training
    assert set(best) == set(last) == {"encoder", "decoder", "kl"}
    assert run.sample(3, seed=1).shape == (3, 1, 28, 28)
    second = genrun.train([*TINY, "model=vae", "regularization=ema"], quiet=True)
    assert second.path != run.path
    assert (second.path / "metrics.jsonl").read_bytes() == (
        run.path / "metrics.jsonl"
    ).read_bytes()


def test_help_lists_every_choice_and_explains_the_named_ones(tmp_path: Path) -> None:
    (tmp_path / "own" / "model").mkdir(parents=True)
    (tmp_path / "own" / "model" / "mine.yaml").write_text("# my own\nwidth: 3  # of mine\n")
    whole = command("--help", "--config-dir", "own", folder=tmp_path).stdout
    assert f"model: {', '.join(sorted([*choices('model'), 'mine']))}" in whole
    assert "steps: 2000" in whole
    named = command(
        "model=mine", "stopping=[early]", "--help", "--config-dir", "own", folder=tmp_path
    )
    assert "width: 3  # of mine" in named.stdout
    assert "patience:" in named.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=gna"], f"model=gna: must be one of {', '.join(choices('model'))}"),
        (["stopping=[early,plateua]"], "stopping=plateua"),
        (["model=../config"], "model=../config"),
        (["--config-dir", "nowhere"], "there is no such folder"),
    ],
)
def test_help_says_what_there_is_not(words: list[str], message: str, tmp_path: Path) -> None:
    asked = command("--help", *words, folder=tmp_path)
    assert asked.returncode == 2
    assert message in asked.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_the_live_display_can_be_shown_in_any_encoding(encoding: str) -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    display = LiveDisplay(Console(file=file, force_terminal=True, width=80))
    display.start(RunSummary("gan", "run", 10, "loss", {}), 0)
    display.step = 5
    display.show_row({"step": 5, "gan/loss": 1.0}, [])
    display.close()
    file.flush()
    assert b"step 5/10" in file.buffer.getvalue()


def test_a_file_of_your_own_with_the_name_of_a_choice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own" / "model").mkdir(parents=True)
    (tmp_path / "own" / "model" / "gan.yaml").write_text("latent_dim: 7\n")
    done = command("--config-dir", "own", folder=tmp_path)
    assert done.returncode == 2
    assert "gan.yaml has the name of a choice" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_before_training_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "genrun", *TINY], cwd=tmp_path, text=True, stderr=subprocess.PIPE
    )
    while not catches(process.pid, number):
        assert process.poll() is None
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 75
    assert error == f"genrun: {number.name}: stopped; nothing was being trained\n"
    assert not list(tmp_path.iterdir())


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal: Python's own is there for SIGINT only."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.split("SigCgt:")[1].split()[0], 16)
    wanted = {number, signal.SIGTERM, signal.SIGUSR1}
    return all(caught >> (one - 1) & 1 for one in wanted)
