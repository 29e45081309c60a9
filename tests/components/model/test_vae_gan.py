"""The VAE-GAN's three losses against the paper, and the networks that each changes."""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from genrun.components.backbone.mlp import MLP
from genrun.components.model.vae_gan import VAEGAN
from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.types import DataSpec
from genrun.training.loss import trained_parameters

pytestmark = pytest.mark.usefixtures("float64")
SPEC = DataSpec(1, 4, 4)
GAMMA = 0.3
KEY = Key.from_seed(4)


def start() -> tuple[VAEGAN, nn.ModuleDict, Tensor]:
    model = VAEGAN(latent_dim=3, discriminator_turns=1, real_target=1.0, feature_weight=GAMMA)
    return model, model.build_networks(MLP([6], "relu"), SPEC), torch.rand(8, *SPEC.shape)


def by_hand(nets: nn.ModuleDict, images: Tensor) -> dict[str, Tensor]:
    """Algorithm 1 of the paper, with the noise that the model draws from KEY."""
    mean, log_variance = nets["encoder"](2 * images - 1).chunk(2, dim=1)
    posterior = Normal(mean, (0.5 * log_variance).exp())
    epsilon = noise.normal(KEY.fold("posterior"), mean.shape, like=mean)
    reconstructed = nets["generator"](mean + posterior.stddev * epsilon).tanh()
    sampled = nets["generator"](noise.normal(KEY.fold("prior"), mean.shape, like=mean)).tanh()
    body, head = nets["discriminator"].body, nets["discriminator"].head
    feature_loss = Normal(body(reconstructed), 1.0).log_prob(body(2 * images - 1))
    constant = Normal(0.0, 1.0).log_prob(torch.zeros(()))
    real, *fakes = (
        head(body(x)).squeeze(1).sigmoid() for x in (2 * images - 1, reconstructed, sampled)
    )
    return {
        "prior": kl_divergence(posterior, Normal(0.0, 1.0)).sum(1).mean(),
        "feature_loss": -(feature_loss - constant).sum(1).mean(),
        "adversarial": real.log().mean() + sum((1 - fake).log().mean() for fake in fakes),
        "non_saturating": -sum(fake.log().mean() for fake in fakes),
    }


def test_losses_are_the_papers() -> None:
    model, nets, images = start()
    terms = by_hand(nets, images)
    expected = {
        "encoder": terms["prior"] + terms["feature_loss"],
        "generator": GAMMA * terms["feature_loss"] + terms["non_saturating"],
        "discriminator": -terms["adversarial"],
    }
    for player, loss in expected.items():
        torch.testing.assert_close(model.loss(player, nets, images, KEY)[0], loss)


def test_each_player_moves_its_own_network_and_the_discriminator_reaches_no_other() -> None:
    model, nets, images = start()
    for player in model.players():
        assert player.networks == (player.name,)
        loss = model.loss(player.name, nets, images, KEY)[0]
        gradients = torch.autograd.grad(loss, trained_parameters(nets, player))
        assert all(gradient.abs().sum() > 0 for gradient in gradients)
    model.loss("discriminator", nets, images, KEY)[0].backward()
    model.loss("generator", nets, images, KEY)[0].backward()
    assert all(p.grad is None for p in nets["encoder"].parameters())


def test_the_feature_loss_moves_the_reconstruction_not_the_image() -> None:
    """The encoder's gradient goes through its code only, not through the image's own features."""
    model, nets, images = start()
    images.requires_grad_()
    distance = model._feature_distance(nets, images, torch.zeros_like(images))
    assert torch.autograd.grad(distance, images, allow_unused=True)[0] is None


def test_reconstructions_are_decoded_means_in_the_datas_range() -> None:
    model, nets, images = start()
    mean = nets["encoder"](2 * images - 1)[:, :3]
    expected = (nets["generator"](mean).tanh() + 1) / 2
    torch.testing.assert_close(model.reconstruct(nets, images), expected)
    error = model.evaluate(nets, images, KEY)["mse"]
    torch.testing.assert_close(error, (expected - images).square().mean((1, 2, 3)))
