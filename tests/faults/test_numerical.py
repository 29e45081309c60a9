"""A NaN anywhere ends a run as diverged, and what is on disk is what was there before it.

Each case is compared with a run that was left alone: its log is a beginning of that one's, byte
for byte, and its checkpoints are some of that one's, by the hash in their names.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from genrun.config.compose import Composed, compose
from genrun.core.errors import Diverged
from genrun.experiment.experiment import Experiment
from genrun.runs import recorder
from genrun.runs.checkpoint import read_checkpoint
from genrun.runs.folder import RunFolder
from genrun.terminal.plain import SilentDisplay
from tests.conftest import SMALL

STEPS = 24
AT = (1, 2, 8, 15, 23, 24)
WORDS = [
    *SMALL, "model=gan", "regularization=[batch_norm,ema]", "backbone.hidden=[16]",
    f"steps={STEPS}", "log_every=3", "evaluate_every=8", "save_every=5", "sample_every=12",
]  # fmt: skip
NAN, INF = torch.nan, torch.inf
Poison = Callable[[Experiment, int, float], None]


@functools.cache
def composed(words: tuple[str, ...]) -> Composed:
    return compose([*WORDS, *words])


def prepare(*words: str) -> Experiment:
    made = composed(words)
    return Experiment.prepare(copy.deepcopy(made.config), made.choices, made.overrides)


def spoil(tensor: torch.Tensor, number: float) -> None:
    with torch.no_grad():
        tensor.view(-1)[0] = number


def loss(experiment: Experiment, step: int, number: float) -> None:
    losses, trial = experiment.built.step._gradients.losses, experiment.built.trial
    plain = losses["generator"]

    def spoiled(*given: Any) -> Any:
        value, metrics = plain(*given)
        return value * number if trial.step == step else value, metrics

    losses["generator"] = spoiled


def gradient(experiment: Experiment, step: int, number: float) -> None:
    trial = experiment.built.trial
    first = next(trial.nets["generator"].parameters())  # of who plays last: no loss sees it yet

    class Change:
        def change_gradients(self, parameters: Any) -> None:
            if trial.step == step and parameters[0] is first:
                spoil(parameters[0].grad, number)

    experiment.built.step.hooks.gradient_changes.append(Change())  # type: ignore[attr-defined]


def after_the_step(
    experiment: Experiment, step: int, act: Callable[[], None], first: bool = True
) -> None:
    """`act` before the average of a step is moved, or after."""
    average = experiment.built.trial.average
    update = average.update

    def spoiling(now: int) -> None:
        if not first:
            update(now)
        if now == step:
            act()
        if first:
            update(now)

    average.update = spoiling  # type: ignore[method-assign]


def parameter(experiment: Experiment, step: int, number: float) -> None:
    weights = list(experiment.built.trial.nets["generator"].parameters())
    after_the_step(experiment, step, lambda: spoil(weights[-1], number))


def buffer_of(network: str) -> Poison:
    def poison(experiment: Experiment, step: int, number: float) -> None:
        buffers = experiment.built.trial.nets[network].named_buffers()
        mean = next(tensor for name, tensor in buffers if name.endswith("running_mean"))
        after_the_step(experiment, step, lambda: spoil(mean, number))

    return poison


def average(experiment: Experiment, step: int, number: float) -> None:
    weights = next(experiment.built.trial.average.nets["discriminator"].parameters())
    after_the_step(experiment, step, lambda: spoil(weights, number), first=False)


def moment(experiment: Experiment, step: int, number: float) -> None:
    def act() -> None:
        state = experiment.built.trial.optimizers["generator"].state
        spoil(next(iter(state.values()))["exp_avg_sq"], number)

    after_the_step(experiment, step, act)


# What is spoiled, and what the reason may name: the place itself, or the loss that it reached.
LOSS = r"(discriminator|generator)/(loss|accuracy) was"
PLACES: dict[str, tuple[Poison, str]] = {
    "loss": (loss, r"generator/loss was"),
    "gradient": (gradient, rf"networks/generator/|the gradient of generator/\S+ is|{LOSS}"),
    "parameter": (parameter, rf"networks/generator/\S+ is|{LOSS}"),
    "buffer": (buffer_of("generator"), r"networks/generator/\S+running_mean is"),
    "critic's buffer": (buffer_of("discriminator"), r"networks/discriminator/\S+running_mean is"),
    "average": (average, r"average/discriminator/\S+ is"),
    "moment": (moment, rf"optimizer/generator/0/exp_avg_sq is|networks/generator|{LOSS}"),
}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """The folder of an undisturbed run, with every checkpoint it ever had."""

    @functools.cache
    def make(*words: str) -> Path:
        folder = tmp_path_factory.mktemp("alone")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recorder, "remove_old_checkpoints", lambda *_: None)
            assert prepare(*words).train(folder, SilentDisplay()).status == "finished"
        return folder

    yield make
    make.cache_clear()


def check(folder: Path, alone: Path, step: int, place: str) -> None:
    run = RunFolder(folder)
    info = run.read()
    assert info["status"] == "diverged", info
    named = re.fullmatch(rf"(?:{PLACES[place][1]}).* at step (\d+)", info["reason"])
    assert named, info["reason"]
    assert step <= int(named.groups()[-1]) <= info["step"] <= step + 5, info["reason"]

    if place == "gradient" and step % 3 == 0:
        assert "the gradient of" in info["reason"], "a row is due, which reads gradients"

    log = (folder / "metrics.jsonl").read_bytes()
    assert (alone / "metrics.jsonl").read_bytes().startswith(log)
    json.loads(log.splitlines()[-1], parse_constant=lambda word: pytest.fail(word))
    names = {path.name for path in run.checkpoints.iterdir()}
    assert names <= {path.name for path in (alone / "checkpoints").iterdir()}
    pictures = {path.name: path.read_bytes() for path in run.samples.iterdir()}
    assert all((alone / "samples" / n).read_bytes() == data for n, data in pictures.items())

    saved = sorted(int(path.name[5:15]) for path in (alone / "checkpoints").iterdir())
    last_good = max(s for s in saved if s < step)
    steps = {int(name[5:15]) for name in names}
    assert max(steps) == last_good, "the last good one is kept"
    assert info["best"]["step"] in steps, "and the best"
    for name in names:
        checkpoint = read_checkpoint(run.checkpoints / name)
        assert all(t.isfinite().all() for t in checkpoint.tensors().values())
        json.dumps(checkpoint.record, allow_nan=False)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("step", AT)
def test_nan(place: str, step: int, tmp_path: Path, alone: Callable[..., Path]) -> None:
    # an infinite second moment stops a weight and shows nowhere before the next checkpoint
    number = NAN if step % 2 or place == "moment" else INF
    experiment = prepare()
    PLACES[place][0](experiment, step, number)
    experiment.train(tmp_path, SilentDisplay())
    check(tmp_path, alone(), step, place)


@pytest.mark.skipif(os.environ.get("GENRUN_FAULTS") != "long", reason="make faults runs it")
@pytest.mark.parametrize("place", PLACES)
def test_nan_at_100_steps(place: str, tmp_path: Path, alone: Callable[..., Path]) -> None:
    for step in range(1, 101):
        experiment = prepare("steps=101")
        PLACES[place][0](experiment, step, NAN)
        folder = tmp_path / str(step)
        folder.mkdir()
        experiment.train(folder, SilentDisplay())
        check(folder, alone("steps=101"), step, place)


def test_an_infinite_moment_is_in_no_checkpoint(tmp_path: Path) -> None:
    experiment = prepare()
    moment(experiment, 7, INF)
    outcome = experiment.train(tmp_path, SilentDisplay())
    assert re.fullmatch(
        r"optimizer/generator/0/exp_avg_sq is not finite at step \d+", outcome.reason
    )
    assert max(path.name[5:15] for path in (tmp_path / "checkpoints").iterdir()) == "0000000005"


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_the_record_of_a_checkpoint_is_finite(schedule: str, tmp_path: Path) -> None:
    prepare(f"schedule={schedule}").train(tmp_path, SilentDisplay())
    for path in (tmp_path / "checkpoints").iterdir():
        json.dumps(read_checkpoint(path).record, allow_nan=False)


def test_an_unsaved_best_value_is_not_the_best(tmp_path: Path) -> None:
    """The evaluation of step 8 is the best so far, and its row ends the run."""
    experiment = prepare()
    trial, evaluate = experiment.built.trial, experiment.built.evaluation.evaluate
    observe = trial.health.observe

    def ending(row: Mapping[str, float]) -> Any:
        if row["step"] == 8:
            raise Diverged("exploded")
        return observe(row)

    def better() -> dict[str, float]:
        return {**evaluate(), "sliced_wasserstein": 1.0 - trial.step / 100}

    trial.health.observe = ending  # type: ignore[method-assign]
    experiment.built.evaluation.evaluate = better  # type: ignore[method-assign]
    assert experiment.train(tmp_path, SilentDisplay()).status == "diverged"
    assert RunFolder(tmp_path).read()["best"] == {"step": 0, "value": 1.0}
