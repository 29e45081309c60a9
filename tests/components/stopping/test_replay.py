"""Policies replayed from a run's log decide as in training."""

from __future__ import annotations

import json
from pathlib import Path

from genrun.core.types import StepReport
from genrun.runs.checkpoint import sound_checkpoints
from genrun.runs.folder import RunFolder
from genrun.terminal.plain import SilentDisplay
from tests.test_resume import prepare

WORDS = [
    "model=vae", "steps=40", "evaluate_every=4", "log_every=3", "optimizer.lr=0.02",
    "stopping=[early,plateau,target,budget,generalization_loss,progress_quotient,up_strips,"
    "noise_aware]",
    "stopping.target.value=0.0", "stopping.budget.examples=1000000", "stopping.budget.flops=1e15",
    "stopping.early.patience=100", "stopping.noise_aware.patience=100",
    "stopping.up_strips.strips=100", "stopping.generalization_loss.threshold=1e9",
    "stopping.progress_quotient.threshold=1e9", "stopping.progress_quotient.strip=3",
    "stopping.plateau.tolerance=0.0", "stopping.plateau.window=100",
]  # fmt: skip


def report_of(row: dict[str, float], flops_a_step: int) -> StepReport:
    held_out = {n.removeprefix("held_out/"): v for n, v in row.items() if n.startswith("held_out")}
    step = int(row["step"])
    return StepReport(step, int(row["examples"]), 0.0, held_out, row, step * flops_a_step)


def test_every_policy_is_replayed_from_the_log(tmp_path: Path) -> None:
    experiment = prepare(*WORDS)
    outcome = experiment.train(tmp_path, SilentDisplay())
    assert outcome.status == "finished"
    folder = RunFolder.open(tmp_path)
    assert all("vae/loss" in row for row in folder.rows()[1:])
    states = next(iter(sound_checkpoints(folder.checkpoints))).record["stoppers"]
    assert set(states) == set(experiment.built.trial.stoppers)
    for name, stopper in experiment.built.trial.stoppers.items():
        state = stopper.start()
        for row in folder.rows():
            state, _ = stopper.observe(state, report_of(row, folder.read()["flops_a_step"]))
        assert json.loads(json.dumps(state)) == states[name], name
        assert state != stopper.start() or name == "budget", name


def test_a_budget_is_replayed_to_the_step_at_which_it_stopped(tmp_path: Path) -> None:
    words = ["model=autoencoder", "stopping=budget", "stopping.budget.flops=1e8", "log_every=1"]
    experiment = prepare(*words)
    assert experiment.train(tmp_path, SilentDisplay()).status == "stopped_early"
    folder, stopper = RunFolder.open(tmp_path), experiment.built.trial.stoppers["budget"]
    reasons = [
        stopper.observe({}, report_of(row, folder.read()["flops_a_step"]))[1]
        for row in folder.rows()
    ]
    assert [reason is not None for reason in reasons] == [False] * (len(reasons) - 1) + [True]
