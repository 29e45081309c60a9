"""The step against a direct implementation of the same equations, in float64."""

import shutil
from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import softplus

from genrun.core import noise
from genrun.core.noise import Key, fold_in
from genrun.experiment.build import Built

Make = Callable[..., Built]
pytestmark = pytest.mark.usefixtures("float64")


def test_alternating_gan_step_equals_the_reference(small: Make) -> None:
    """Discriminator first, then the generator against the new one, each with its own z."""
    built = small("model=gan", "optimizer=sgd", "optimizer.lr=0.1", "regularization=[]")
    other = small("model=gan", "optimizer=sgd", "optimizer.lr=0.1", "regularization=[]")
    g, d = other.trial.nets["generator"], other.trial.nets["discriminator"]

    def z(step: int, player: str) -> torch.Tensor:
        key = Key(torch.tensor(fold_in(fold_in(0, "step", step), player, 0))).fold("loss")
        return noise.normal(key, (8, 100), like=torch.zeros(1))

    def descend(loss: torch.Tensor, network: torch.nn.Module) -> None:
        parameters = list(network.parameters())
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(loss, parameters), strict=True
        ):
            parameter.data -= 0.1 * gradient

    for step in (1, 2, 3):
        built.step(step)
        real = 2 * other.data.batch(step - 1) - 1
        fake = torch.tanh(g(z(step, "discriminator"))).detach()
        descend(softplus(-d(real)).mean() + softplus(d(fake)).mean(), d)
        descend(softplus(-d(torch.tanh(g(z(step, "generator"))))).mean(), g)
    for ours, reference in zip(
        built.trial.nets.parameters(), other.trial.nets.parameters(), strict=True
    ):
        torch.testing.assert_close(ours, reference, rtol=1e-10, atol=1e-12)


def test_each_discriminator_turn_sees_a_new_batch(small: Make) -> None:
    built = small("model=gan", "model.discriminator_turns=3")
    seen: list[int] = []
    batch = built.data.batch
    built.data.batch = lambda index: seen.append(index) or batch(index)  # type: ignore[method-assign]
    built.step(1)
    built.step(2)
    assert seen == [0, 1, 2, 3, 4, 5]
    assert built.step.examples_per_step == 24


def test_each_player_has_its_own_optimizer(small: Make) -> None:
    built = small(
        "model=gan",
        "optimizer.lr=0.3",
        "players.generator.optimizer.lr=0.1",
        "players.discriminator.optimizer=sgd",
        "players.discriminator.optimizer.momentum=0.5",
    )
    generator, discriminator = (built.trial.optimizers[n] for n in ("generator", "discriminator"))
    assert type(generator).__name__ == "Adam"
    assert generator.param_groups[0]["lr"] == 0.1
    assert type(discriminator).__name__ == "SGD"
    assert discriminator.param_groups[0]["momentum"] == 0.5
    assert discriminator.param_groups[0]["lr"] == 0.01


def test_global_generators_are_a_function_of_the_step(small: Make) -> None:
    """A third-party layer that draws from torch's global generator is reproducible."""
    drawn = []
    for _ in range(2):
        built = small("model=vae")
        built.trial.nets["encoder"].append(torch.nn.Dropout(0.5))
        torch.rand(len(drawn) * 7 + 1)  # leaves the global generator somewhere else
        drawn.append(built.step(1)["vae/loss"])
    assert torch.equal(*drawn)


def test_bf16_and_compile_give_nearly_the_same_loss(small: Make) -> None:
    torch.set_default_dtype(torch.float32)
    plain = small("model=vae").step(1)["vae/loss"]
    half = small("model=vae", "runtime.precision=bf16").step(1)["vae/loss"]
    torch.testing.assert_close(half.float(), plain, rtol=0.02, atol=0)
    assert not torch.equal(half.float(), plain)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a compiler here")
@pytest.mark.parametrize(
    "words",
    [
        ["model=gan", "regularization=[r1,dropout]"],
        ["model=gan", "regularization=[adaptive_augment,instance_noise]"],
        ["model=vae", "regularization=[kl_annealing,free_bits]"],
    ],
)
def test_compiled_step_equals_the_plain_one(words: list[str], small: Make) -> None:
    torch.set_default_dtype(torch.float32)
    plain, compiled = small(*words), small(*words, "runtime.compile=true")
    for step in (1, 2, 3):
        expected = plain.step(step)
        for name, value in compiled.step(step).items():
            torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-5)
