"""Each health event, provoked in a small run; and none if nothing is wrong."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import genrun
from genrun import commands
from genrun.components.model.gan import GAN
from genrun.config.compose import compose
from genrun.experiment.experiment import Experiment
from genrun.runs.folder import RunFolder
from genrun.terminal.plain import SilentDisplay
from genrun.training.state import TrainingState
from tests.conftest import SMALL

SMALL_BODY = ["backbone.hidden=[64]", "regularization=[]", "save_every=1000", "sample_every=1000"]
GAN_100 = [
    "model=gan", "steps=160", "log_every=10", "evaluate_every=80",
    "players.discriminator.optimizer.lr=1e-2", "players.generator.optimizer.lr=1e-4",
    "health.overpowering_steps=100",
]  # fmt: skip
ONE_IMAGE = ["model=gan", "steps=60", "evaluate_every=10", "log_every=5"]
VAE_100 = ["model=vae", "model.kl_weight=100.0", "steps=120", "evaluate_every=20"]


class Notes(SilentDisplay):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


def prepare(words: Sequence[str]) -> Experiment:
    made = compose([*SMALL, *SMALL_BODY, *words])
    return Experiment.prepare(copy.deepcopy(made.config), made.choices, made.overrides)


def train(folder: Path, words: Sequence[str]) -> tuple[RunFolder, list[str]]:
    folder.mkdir()
    display = Notes()
    assert prepare(words).train(folder, display).status == "finished"
    return RunFolder(folder), display.texts


def events(run: RunFolder) -> list[tuple[str, str]]:
    return [(event["health"], event["state"]) for event in run.health()]


def one_image(monkeypatch: pytest.MonkeyPatch, until: int = 10**9) -> None:
    """Makes the generator constant until `until` batches were generated."""
    generate, calls = GAN._generate, [0]

    def constant(self: GAN, nets: Any, count: int, key: Any, like: torch.Tensor) -> torch.Tensor:
        calls[0] += 1
        images = generate(self, nets, count, key, like)
        return images[:1].expand_as(images) if calls[0] < until else images

    monkeypatch.setattr(GAN, "_generate", constant)


def test_a_discriminator_with_100_times_the_rate_overpowers(tmp_path: Path) -> None:
    run, notes = train(tmp_path / "run", GAN_100)
    assert events(run)[0] == ("discriminator_overpowers", "began")
    event = run.health()[0]
    since = [r for r in run.rows() if event["step"] - 100 < r["step"] <= event["step"]]
    assert len(since) == 10
    assert all(row["discriminator/accuracy"] > 0.99 for row in since)
    assert notes[0].startswith(f"step {event['step']}: discriminator_overpowers began: the disc")


def test_a_constant_generator_is_a_mode_collapse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one_image(monkeypatch)
    run, notes = train(tmp_path / "run", ONE_IMAGE)
    assert events(run) == [("mode_collapse", "began")], "once, though five evaluations saw it"
    assert run.health()[0]["step"] == 30, "the third evaluation of trained networks"
    assert len(notes) == 1
    assert commands.run("show", [str(run.path)]) == 0
    shown = capsys.readouterr().out
    assert "mode_collapse" in shown
    assert "held_out/sample_spread" in shown


def test_the_end_of_a_mode_collapse_is_a_row_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_image(monkeypatch, until=100)  # two batches a step, one an evaluation
    words = [*ONE_IMAGE, "health.mode_collapse_spread=0.01"]
    run, notes = train(tmp_path / "run", words)
    assert events(run) == [("mode_collapse", "began"), ("mode_collapse", "recovered")]
    assert len(notes) == 2


def test_a_kl_weight_of_100_collapses_the_posterior(tmp_path: Path) -> None:
    run, _ = train(tmp_path / "run", VAE_100)
    assert ("posterior_collapse", "began") in events(run)
    last = run.rows()[-1]
    assert last["held_out/largest_dimension_kl"] < 0.01
    elbo = last["held_out/reconstruction"] + last["held_out/kl"]
    assert last["held_out/negative_elbo"] == pytest.approx(elbo), "the true one, unweighted"


@pytest.mark.parametrize("words", [["model=gan"], ["model=vae"], ["model=autoencoder"]])
def test_a_healthy_run_has_no_events(words: list[str], tmp_path: Path) -> None:
    run, notes = train(tmp_path / "run", [*words, "steps=120", "evaluate_every=20"])
    assert run.health() == []
    assert notes == []


def resumed(folder: Path, words: Sequence[str], stop: int) -> None:
    folder.mkdir()
    experiment = prepare(words)
    trial = experiment.built.trial
    experiment.train(folder, SilentDisplay(), lambda: trial.step >= stop)
    prepare(words).resume(RunFolder.open(folder), SilentDisplay())


@pytest.mark.parametrize(
    ("words", "stops"), [(GAN_100, (35, 110)), (ONE_IMAGE, (25, 45)), (VAE_100, (21, 90))]
)
def test_a_resumed_run_logs_the_same_events(
    words: list[str], stops: Sequence[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if words is ONE_IMAGE:
        one_image(monkeypatch)
    train(tmp_path / "alone", words)
    log = (tmp_path / "alone" / "metrics.jsonl").read_bytes()
    assert b'"health"' in log
    for stop in stops:
        resumed(tmp_path / f"{stop}", words, stop)
        assert (tmp_path / f"{stop}" / "metrics.jsonl").read_bytes() == log


@pytest.mark.parametrize("stop", [25, 35], ids=["before it began", "after"])
def test_without_its_state_a_resumed_run_would_log_other_events(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why the state of the health checks is in the checkpoint."""
    one_image(monkeypatch)
    train(tmp_path / "alone", ONE_IMAGE)
    restore = TrainingState.restore

    def forgetful(trial: TrainingState, tensors: Any, record: Any) -> None:
        restore(trial, tensors, {**record, "health": trial.health.states})

    monkeypatch.setattr(TrainingState, "restore", forgetful)
    resumed(tmp_path / "resumed", ONE_IMAGE, stop)
    logs = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("alone", "resumed")]
    assert logs[0] != logs[1]


def test_an_explosion_ends_a_run_and_keeps_good_checkpoints(tmp_path: Path) -> None:
    """The loss is multiplied by 10,000 from step 41 on; every number stays finite."""
    experiment = prepare(["model=vae", "optimizer.lr=1e-6", "steps=100", "log_every=2"])
    step, trial = experiment.built.step, experiment.built.trial
    plain = step._gradients.losses["vae"]

    def loss(*given: Any) -> Any:
        value, metrics = plain(*given)
        return value * (1e4 if trial.step > 40 else 1.0), metrics

    step._gradients.losses["vae"] = loss
    outcome = experiment.train(tmp_path, SilentDisplay())
    assert outcome.status == "diverged"
    assert "vae/gradient_norm was" in outcome.reason
    assert "at step 50," in outcome.reason, "rows 42 to 50 are five"
    run = RunFolder(tmp_path)
    assert [row["step"] for row in run.rows()][-1] == 48
    best = run.read()["best"]["step"]
    assert list((tmp_path / "checkpoints").glob(f"ckpt-{best:010d}-*"))


def test_rows_of_values_and_health_events_are_separated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_image(monkeypatch)
    train(tmp_path / "run", ONE_IMAGE)
    run = genrun.Run.open(tmp_path / "run")
    steps = run.metrics["step"].tolist()
    assert steps == list(range(0, 61, 5)), "each step once"
    assert not {"health", "state", "detail"} & set(run.metrics)
    assert [event["health"] for event in run.health] == ["mode_collapse"]
