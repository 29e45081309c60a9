"""Schedule-free training at y, evaluated at x (arXiv 2405.15682): equations and checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import genrun
from genrun.config.compose import compose
from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.noise import Key
from genrun.experiment.build import Built
from genrun.experiment.experiment import Experiment
from genrun.runs.checkpoint import read_checkpoint
from genrun.terminal.plain import SilentDisplay
from genrun.training.batch_norm_update import BATCHES
from genrun.training.optimizers.schedule_free import move_to_average
from tests.conftest import SMALL, last_wins

Make = Callable[..., Built]
FREE = "optimizer=schedule_free_adamw"


@pytest.mark.usefixtures("float64")
def test_the_evaluated_weights_are_those_of_the_paper() -> None:
    """Algorithm of section 2 for SGD: y between z and x, a step of z, x the mean of all z."""
    schedulefree = pytest.importorskip("schedulefree")
    beta, rate = 0.9, 0.1
    parameter = nn.Parameter(torch.linspace(-1, 1, 5))
    optimizer = schedulefree.SGDScheduleFree([parameter], lr=rate, momentum=beta)
    optimizer.train()
    z = x = parameter.detach().clone()
    for step in range(1, 8):
        y = (1 - beta) * z + beta * x
        torch.testing.assert_close(parameter.detach(), y, rtol=1e-12, atol=1e-14)
        parameter.grad = y**3
        optimizer.step()
        z = z - rate * y**3
        x = (1 - 1 / step) * x + z / step
        copied: Tensor = parameter.detach().clone()
        trained = parameter.detach().clone()
        move_to_average(optimizer, {parameter: copied})
        torch.testing.assert_close(copied, x, rtol=1e-12, atol=1e-14)
        assert torch.equal(parameter, trained)
        assert optimizer.param_groups[0]["train_mode"]


def trained(words: list[str], folder: Path) -> Experiment:
    composed = compose(last_wins([*SMALL, *words]))
    experiment = Experiment.prepare(composed.config, composed.choices, composed.overrides)
    folder.mkdir()
    experiment.train(folder, SilentDisplay())
    return experiment


@pytest.mark.parametrize(
    "words",
    [[FREE], ["optimizer=schedule_free_sgd"], ["regularization=[ema,batch_norm,dropout]"],
     [FREE, "players.discriminator.optimizer=adam", "regularization=[batch_norm,dropout]"]],
    ids=" ".join,
)  # fmt: skip
def test_evaluating_does_not_change_training(words: list[str], tmp_path: Path) -> None:
    often = trained([*words, "evaluate_every=1", "sample_every=1"], tmp_path / "often")
    seldom = trained([*words, "evaluate_every=12", "sample_every=12"], tmp_path / "seldom")
    one, other = (e.built.trial.save()[0] for e in (often, seldom))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[path], other[path]) for path in one)


def test_a_checkpoint_holds_both_weights_and_the_averaged_are_evaluated(tmp_path: Path) -> None:
    experiment = trained(["model=vae", FREE, "optimizer.lr=0.05"], tmp_path / "run")
    trial = experiment.built.trial
    run = genrun.Run.open(tmp_path / "run")
    path = max((tmp_path / "run" / "checkpoints").glob("ckpt-*"))
    tensors = read_checkpoint(path).tensors()
    name, current = next(iter(trial.nets["decoder"].named_parameters()))
    y, x = tensors[f"networks/decoder/{name}"], tensors[f"average/decoder/{name}"]
    z = trial.optimizers["vae"].state[current]["z"]
    assert torch.equal(y, current.detach())
    torch.testing.assert_close(0.1 * z + 0.9 * x, y, rtol=1e-5, atol=1e-6)
    assert not torch.equal(x, y)
    networks = run.networks("last")
    assert torch.equal(dict(networks["decoder"].named_parameters())[name], x)
    assert experiment.built.evaluation.nets is trial.average.nets


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("words", [[FREE], ["regularization=[batch_norm,ema]"]], ids=" ".join)
def test_batch_norm_statistics_belong_to_the_averaged_weights(
    words: list[str], small: Make
) -> None:
    built = small("model=gan", "regularization=[batch_norm]", *words)
    for step in (1, 2, 3):
        built.step(step)
        built.trial.average.update(step)
    before = {name: b.clone() for name, b in built.trial.nets.named_buffers()}
    built.trial.average.refresh(3)
    assert all(torch.equal(b, before[n]) for n, b in built.trial.nets.named_buffers())

    discriminator = built.trial.average.nets["discriminator"]
    seen: list[Tensor] = []
    layer = next(m for m in discriminator.modules() if isinstance(m, nn.BatchNorm1d))
    hook = layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        for index in range(BATCHES):
            for player in ("discriminator", "generator"):
                key = Key.from_seed(0, "statistics", index, player)
                copied = built.trial.average.nets.train()
                with noise.layer_keys(key):
                    built.model.loss(player, copied, built.data.batch(index), key.fold("loss"))
    hook.remove()
    # moved by these very calls, so compare with what the averaged networks had before them
    mean = torch.stack([inputs.mean(0) for inputs in seen]).mean(0)
    variance = torch.stack([inputs.var(0) for inputs in seen]).mean(0)
    built.trial.average._refreshed_step = -1
    built.trial.average.refresh(3)
    torch.testing.assert_close(layer.running_mean, mean, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(layer.running_var, variance, rtol=1e-10, atol=1e-12)
    assert layer.momentum == 0.1


def test_other_buffers_are_copied(small: Make) -> None:
    built = small("model=gan", "regularization=[spectral_norm,ema]")
    built.step(1)
    built.trial.average.refresh(1)
    own, theirs = built.trial.average.nets, built.trial.nets
    pairs = list(zip(own.buffers(), theirs.buffers(), strict=True))
    assert pairs
    assert all(torch.equal(one, other) and one is not other for one, other in pairs)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["regularization=ema"], "regularization=ema: AdamWScheduleFree of vae already"),
        (["schedule=cosine"], "use schedule=constant"),
        (["schedule=plateau"], "use schedule=constant"),
    ],
)
def test_incompatible_settings_are_refused(words: list[str], message: str, small: Make) -> None:
    with pytest.raises(ConfigError, match=message):
        small("model=vae", FREE, *words)


def test_a_warm_up_is_allowed(small: Make) -> None:
    built = small("model=vae", FREE, "schedule.warmup_steps=4")
    assert built.trial.optimizers["vae"].param_groups[0]["lr"] == pytest.approx(0.0025 / 4)
