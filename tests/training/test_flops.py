"""The FLOPs of a step against sums worked out by hand; counting changes no state."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from genrun.core.errors import ConfigError
from genrun.core.types import BatchShard
from genrun.experiment.build import Built
from genrun.experiment.stopping import count_flops
from genrun.runs.folder import RunFolder
from genrun.terminal.plain import SilentDisplay
from genrun.training.meters.flops import FlopsUnknown, count_step_flops
from genrun.training.step import TrainingStep
from tests.conftest import choices
from tests.test_resume import prepare, stopped_and_resumed, whole

Make = Callable[..., Built]
BATCH, PIXELS, HIDDEN, LATENT = 8, 784, 16, 5
BODY = ["backbone.hidden=[16]", "optimizer=sgd", "regularization=[]"]


def product(rows: int, inner: int, columns: int) -> int:
    return 2 * rows * inner * columns


def test_autoencoder(small: Make) -> None:
    """Each layer: forward, the gradient of its weights and, except for the first, of its input."""
    encoder, decoder = product(BATCH, PIXELS, HIDDEN), product(BATCH, HIDDEN, PIXELS)
    built = small("model=autoencoder", *BODY)
    assert count_step_flops(built.step) == 2 * encoder + 3 * decoder


GENERATOR = [product(BATCH, LATENT, HIDDEN), product(BATCH, HIDDEN, PIXELS)]
CRITIC = [product(BATCH, PIXELS, HIDDEN), product(BATCH, HIDDEN, 1)]


def gan_step(turns: int) -> int:
    """A discriminator's turn: one generation, two classifications, no gradient of images."""
    judged = 2 * CRITIC[0] + 3 * CRITIC[1]
    discriminator = sum(GENERATOR) + 2 * judged
    through_it = 2 * sum(CRITIC)  # forward, and the gradient of its inputs alone
    generator = 2 * GENERATOR[0] + 3 * GENERATOR[1] + through_it
    return turns * discriminator + generator


@pytest.mark.parametrize("turns", [1, 3])
def test_gan_with_several_turns(turns: int, small: Make) -> None:
    words = [f"model.latent_dim={LATENT}", f"model.discriminator_turns={turns}"]
    built = small("model=gan", *BODY, *words)
    assert count_step_flops(built.step) == gan_step(turns)


def test_penalties_are_counted(small: Make) -> None:
    """R1: forward, gradient of the images, and of that the gradient of both weights and a hidden
    layer; torch computes one more product, with a gradient that is 0 behind a ReLU."""
    words = ["model=gan", *BODY, f"model.latent_dim={LATENT}", "regularization=r1"]
    penalty = count_step_flops(small(*words).step) - gan_step(1)
    needed = 4 * CRITIC[0] + 3 * CRITIC[1]
    assert needed <= penalty <= needed + CRITIC[0]


class Squaring(torch.optim.SGD):
    """Multiplies matrices in every update but the first, which initializes it."""

    def step(self, closure: object = None) -> None:  # type: ignore[override]
        super().step()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.dim() == 2 and "seen" in self.state[parameter]:
                    parameter.data @ parameter.data.T
                self.state[parameter]["seen"] = 1


def test_products_in_an_optimizers_update_are_counted(small: Make) -> None:
    built = small("model=autoencoder", *BODY)
    plain = count_step_flops(built.step)
    parameters = list(built.trial.nets.parameters())
    built.step.optimizers = {"autoencoder": Squaring(parameters, lr=0.01)}
    added = product(HIDDEN, PIXELS, HIDDEN) + product(PIXELS, HIDDEN, PIXELS)
    assert count_step_flops(built.step) - plain == added


def test_products_of_muon_are_counted(small: Make) -> None:
    """Five iterations for each of two matrices X (16 x 784): X X', its square, and times X."""
    built = small("model=autoencoder", *BODY)
    plain = count_step_flops(built.step)
    muon = small("model=autoencoder", "backbone.hidden=[16]", "optimizer=muon")
    iteration = 2 * product(HIDDEN, HIDDEN, PIXELS) + product(HIDDEN, HIDDEN, HIDDEN)
    matrices = [p for p in muon.trial.nets.parameters() if p.dim() == 2]
    assert {tuple(sorted(m.shape)) for m in matrices} == {(HIDDEN, PIXELS)}
    assert count_step_flops(muon.step) - plain == len(matrices) * 5 * iteration


@pytest.mark.parametrize("optimizer", choices("optimizer"))
def test_a_step_of_every_optimizer_can_be_counted(optimizer: str, small: Make) -> None:
    """Except for one with a line search, which a budget of FLOPs reports."""
    words = ["model=autoencoder", "backbone.hidden=[16]", f"optimizer={optimizer}"]
    built = small(*words, "stopping=budget", "stopping.budget.flops=1e9")
    if optimizer == "lbfgs":
        with pytest.raises(ConfigError, match="steps of LBFGS evaluate the loss"):
            count_flops(built.step, built.trial.stoppers)
    else:
        least = 2 * product(BATCH, PIXELS, HIDDEN) + 3 * product(BATCH, HIDDEN, PIXELS)
        assert (count_flops(built.step, built.trial.stoppers) or 0) >= least


def test_flops_of_all_shards_are_summed(small: Make) -> None:
    built = small("model=autoencoder", *BODY)
    alone = count_step_flops(built.step)
    built.step.settings = dataclasses.replace(built.step.settings, shard=BatchShard(0, 4, BATCH))
    assert count_step_flops(built.step) == 4 * alone


def test_a_compiled_step_is_counted_without_compiling(
    small: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiling(*given: object) -> None:
        raise AssertionError("compiled")

    words = ["model=autoencoder", *BODY]
    built = small(*words, "runtime.compile=true")
    monkeypatch.setattr(torch, "compile", compiling)
    assert count_step_flops(built.step) == count_step_flops(small(*words).step)


WORDS = ["backbone=conv", "regularization=[batch_norm,dropout,spectral_norm,r1,ema]"]


def test_counting_changes_no_state(small: Make) -> None:
    built, other = small("model=gan", *WORDS), small("model=gan", *WORDS)
    before = copy.deepcopy(built.trial.nets.state_dict())
    torch.manual_seed(3)
    generator = torch.get_rng_state()
    count_step_flops(built.step)
    assert torch.equal(torch.get_rng_state(), generator)
    after = built.trial.nets.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before), "buffers too"
    assert all(parameter.grad is None for parameter in built.trial.nets.parameters())
    assert all(not optimizer.state for optimizer in built.trial.optimizers.values())
    copied = other.step.uncompiled_copy()
    for step in (1, 2, 3):
        assert built.step(step) == copied(step), "the copy trains too, or nothing real is counted"
    for step in (1, 2, 3):
        other.step(step)
    assert all(
        torch.equal(ours, theirs)
        for ours, theirs in zip(
            built.trial.nets.state_dict().values(),
            other.trial.nets.state_dict().values(),
            strict=True,
        )
    )


def test_a_run_is_the_same_with_and_without_counting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = whole(tmp_path / "counted", "model=gan", *WORDS)
    monkeypatch.setattr("genrun.experiment.experiment.count_flops", lambda step, stoppers: None)
    assert whole(tmp_path / "not", "model=gan", *WORDS) == counted


def test_budget_stops_at_the_step_that_reaches_it_and_resumes_exactly(tmp_path: Path) -> None:
    words = ["model=autoencoder", "backbone.hidden=[16]", "stopping=budget"]
    a_step = 2 * product(BATCH, PIXELS, HIDDEN) + 3 * product(BATCH, HIDDEN, PIXELS)
    words.append(f"stopping.budget.flops={6 * a_step + 1}")
    alone = whole(tmp_path / "alone", *words)
    info = RunFolder.open(tmp_path / "alone").read()
    assert (info["status"], info["step"]) == ("stopped_early", 7)
    last = RunFolder.open(tmp_path / "alone").rows()[-1]
    assert last["step"] == 7
    assert {"autoencoder/loss", "held_out/mse"} <= set(last), "though no row was due"
    assert info["flops_a_step"] == a_step
    assert info["compute"]["flops"] == 7 * a_step
    assert stopped_and_resumed(tmp_path / "stopped", [2, 5], *words) == alone
    assert RunFolder.open(tmp_path / "stopped").read()["compute"]["flops"] == 7 * a_step


def test_unknown_flops_are_an_error_only_for_a_budget(
    tmp_path: Path, small: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise TypeError("cannot be copied\nat all")

    monkeypatch.setattr(TrainingStep, "uncompiled_copy", refuse)
    step = small("model=autoencoder").step
    with pytest.raises(FlopsUnknown, match=r"^cannot be copied$"):
        count_step_flops(step)
    assert count_flops(step, {}) is None
    given = ["model=autoencoder", "stopping=budget"]
    limited = small(*given, "stopping.budget.flops=1e9")
    with pytest.raises(ConfigError, match=r"stopping.budget.flops=1e\+09: .*\(cannot be copied\)"):
        count_flops(limited.step, limited.trial.stoppers)
    examples = small(*given, "stopping.budget.examples=80")
    assert count_flops(examples.step, examples.trial.stoppers) is None
    (tmp_path / "run").mkdir()
    prepare("model=autoencoder").train(tmp_path / "run", SilentDisplay())
    info = RunFolder.open(tmp_path / "run").read()
    assert (info["status"], info["compute"]["flops"]) == ("finished", None)
