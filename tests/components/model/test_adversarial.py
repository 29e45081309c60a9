"""Adversarial losses against their papers' equations; test_conformance trains the models."""

import pytest
import torch
from torch import Tensor

from genrun.components.backbone.mlp import MLP
from genrun.components.model._adversarial import AdversarialModel
from genrun.components.model.hinge_gan import HingeGAN
from genrun.components.model.least_squares_gan import LeastSquaresGAN
from genrun.components.model.relativistic_gan import RelativisticGAN
from genrun.components.model.wasserstein_gan import WassersteinGAN
from genrun.core.noise import Key
from genrun.core.types import DataSpec

pytestmark = pytest.mark.usefixtures("float64")
SPEC = DataSpec(1, 4, 4)
ZERO = torch.zeros(())
LOSSES = {  # of the discriminator and of the generator, from logits of real and fake images
    HingeGAN: (
        lambda r, f: torch.maximum(ZERO, 1 - r).mean() + torch.maximum(ZERO, 1 + f).mean(),
        lambda r, f: -f.mean(),
    ),
    LeastSquaresGAN: (
        lambda r, f: 0.5 * ((r - 1) ** 2).mean() + 0.5 * (f**2).mean(),
        lambda r, f: 0.5 * ((f - 1) ** 2).mean(),
    ),
    WassersteinGAN: (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    RelativisticGAN: (
        lambda r, f: -torch.sigmoid(r - f).log().mean(),
        lambda r, f: -torch.sigmoid(f - r).log().mean(),
    ),
}


@pytest.mark.parametrize("family", LOSSES)
def test_losses_are_the_papers(family: type[AdversarialModel]) -> None:
    model = family(latent_dim=3, discriminator_turns=1)  # type: ignore[abstract]
    nets = model.build_networks(MLP([6], "relu"), SPEC)
    images, key = torch.rand(8, *SPEC.shape), Key.from_seed(1)
    real, fake = (
        model.critic_logits(nets, images),
        model.critic_logits(nets, model.sample(nets, 8, key)),
    )
    for player, expected in zip(("discriminator", "generator"), LOSSES[family], strict=True):
        loss, _ = model.loss(player, nets, images, key)
        torch.testing.assert_close(loss, expected(real, fake))


@pytest.mark.parametrize("family", LOSSES)
def test_no_player_reaches_the_others_parameters_by_its_loss(
    family: type[AdversarialModel],
) -> None:
    model = family(latent_dim=3, discriminator_turns=1)  # type: ignore[abstract]
    nets = model.build_networks(MLP([6], "relu"), SPEC)
    model.loss("discriminator", nets, torch.rand(8, *SPEC.shape), Key.from_seed(1))[0].backward()
    assert all(parameter.grad is None for parameter in nets["generator"].parameters())


def test_least_squares_accuracy_is_by_the_nearer_target() -> None:
    model = LeastSquaresGAN(latent_dim=3, discriminator_turns=1)

    def accuracy(real: float, fake: float) -> Tensor:
        return model.metrics(torch.tensor([real]), torch.tensor([fake]))["accuracy"]

    assert (accuracy(0.6, 0.4), accuracy(0.4, 0.6), accuracy(0.9, 0.7)) == (1, 0, 0.5)
