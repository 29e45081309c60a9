"""Losses against closed forms."""

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from genrun.components.backbone.conv import Conv
from genrun.components.backbone.mlp import MLP
from genrun.components.model.autoencoder import Autoencoder, CodeDistribution
from genrun.components.model.gan import GAN
from genrun.components.model.iwae import IWAE
from genrun.components.model.vae import VAE
from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.types import DataSpec

pytestmark = pytest.mark.usefixtures("float64")
SPEC = DataSpec(1, 4, 4)
BODY = MLP(hidden=[6], activation="relu")


def test_gan_losses_are_cross_entropies_with_the_right_labels() -> None:
    model = GAN(latent_dim=3, discriminator_turns=1, real_target=1.0)
    nets = model.build_networks(BODY, SPEC)
    images, key = torch.rand(8, *SPEC.shape), Key.from_seed(1)
    real, fake = (
        model.critic_logits(nets, images),
        model.critic_logits(nets, model.sample(nets, 8, key)),
    )
    ones, zeros = torch.ones(8), torch.zeros(8)
    loss, metrics = model.loss("discriminator", nets, images, key)
    torch.testing.assert_close(loss, cross_entropy(real, ones) + cross_entropy(fake, zeros))
    assert metrics["accuracy"] == ((real > 0).sum() + (fake < 0).sum()) / 16
    torch.testing.assert_close(
        model.loss("generator", nets, images, key)[0], cross_entropy(fake, ones)
    )


def test_gan_discriminator_sends_no_gradient_to_the_generator() -> None:
    model = GAN(latent_dim=3, discriminator_turns=1, real_target=1.0)
    nets = model.build_networks(BODY, SPEC)
    model.loss("discriminator", nets, torch.rand(8, *SPEC.shape), Key.from_seed(1))[0].backward()
    assert all(parameter.grad is None for parameter in nets["generator"].parameters())


def test_vae_loss_is_the_negative_elbo() -> None:
    model = VAE(latent_dim=2, importance_samples=1, kl_weight=1.0)
    nets = model.build_networks(BODY, SPEC)
    images, key = (
        torch.rand(5, *SPEC.shape).round(),
        Key.from_seed(2),
    )  # 0 and 1: Bernoulli's support
    mean, log_variance = nets["encoder"](images).chunk(2, dim=1)
    posterior = Normal(mean, (0.5 * log_variance).exp())
    latent = mean + posterior.stddev * noise.normal(key, mean.shape, like=mean)
    likelihood = Bernoulli(logits=nets["decoder"](latent)).log_prob(images).flatten(1).sum(1)
    divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1)
    loss, metrics = model.loss("vae", nets, images, key)
    torch.testing.assert_close(loss, (divergence - likelihood).mean())
    torch.testing.assert_close(metrics["kl"], divergence.mean())


def test_importance_weighted_bound() -> None:
    """With k samples it is -log mean p(x, z) / q(z | x), and never above the negative ELBO."""
    model = VAE(latent_dim=2, importance_samples=7, kl_weight=1.0)
    nets = model.build_networks(BODY, SPEC)
    images, key = torch.rand(5, *SPEC.shape).round(), Key.from_seed(2)
    mean, log_variance = nets["encoder"](images).chunk(2, dim=1)
    posterior = Normal(mean, (0.5 * log_variance).exp())
    ratios = []
    for index in range(7):
        latent = mean + posterior.stddev * noise.normal(key.fold(index), mean.shape, like=mean)
        joint = Bernoulli(logits=nets["decoder"](latent)).log_prob(images).flatten(1).sum(1)
        joint = joint + Normal(0.0, 1.0).log_prob(latent).sum(1)
        ratios.append((joint - posterior.log_prob(latent).sum(1)).exp())
    values = model.evaluate(nets, images, key)
    expected = -torch.stack(ratios).mean(0).log()
    torch.testing.assert_close(values["importance_weighted_bound"], expected)
    sampled = torch.stack([-ratio.log() for ratio in ratios]).mean(0)
    assert (values["importance_weighted_bound"] <= sampled).all()
    torch.testing.assert_close(values["negative_elbo"], values["reconstruction"] + values["kl"])


def test_iwae_loss_is_the_bound_that_it_is_evaluated_by() -> None:
    """With as many draws the two estimate the same number, and more draws bound it closer."""
    few = IWAE(latent_dim=2, importance_samples=2000, training_samples=1)
    elbo = VAE(latent_dim=2, importance_samples=1, kl_weight=1.0)
    nets = elbo.build_networks(BODY, SPEC)
    images = torch.rand(4, *SPEC.shape).round()
    evaluated = (
        few.evaluate(nets, images, Key.from_seed(0))["importance_weighted_bound"].mean().item()
    )

    def trained(draws: int) -> float:
        model = IWAE(latent_dim=2, importance_samples=1, training_samples=draws)
        losses = [
            model.loss("vae", nets, images, Key.from_seed(n))[0] for n in range(4000 // draws)
        ]
        return torch.stack(losses).mean().item()

    assert trained(1) > trained(20) > evaluated - 0.1
    assert trained(2000) == pytest.approx(evaluated, abs=0.1)
    assert trained(1) == pytest.approx(
        float(
            torch.stack(
                [elbo.loss("vae", nets, images, Key.from_seed(n))[0] for n in range(999)]
            ).mean()
        ),
        abs=0.2,
    )


def test_autoencoder_has_the_documented_layers() -> None:
    nets = Autoencoder(latent_dim=None).build_networks(MLP([256], "relu"), DataSpec(1, 28, 28))
    shapes = [tuple(p.shape) for p in nets.parameters() if p.dim() == 2]
    assert shapes == [(256, 784), (784, 256)]
    codes = nets["encoder"](torch.rand(3, 1, 28, 28))
    assert codes.min() == 0, "ReLU"


def test_gan_has_the_documented_layers() -> None:
    model = GAN(latent_dim=100, discriminator_turns=1, real_target=1.0)
    nets = model.build_networks(MLP([256], "relu"), DataSpec(1, 28, 28))
    shapes = {name: [tuple(p.shape) for p in net.parameters() if p.dim() == 2]
              for name, net in nets.items()}  # fmt: skip
    assert shapes["generator"] == [(256, 100), (784, 256)]
    assert shapes["discriminator"] == [(256, 784), (1, 256)]


def test_code_distribution_samples_with_the_codes_mean_and_covariance() -> None:
    codes = torch.randn(400, 3) @ torch.randn(3, 3) + torch.tensor([1.0, -2.0, 5.0])
    distribution = CodeDistribution(3)
    distribution.fit(codes)
    distribution.lowest.fill_(-torch.inf)
    distribution.highest.fill_(torch.inf)
    drawn = distribution.sample(200_000, Key.from_seed(0))
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), codes.T.cov(), atol=0.1, rtol=0.03)


def test_code_distribution_stays_in_the_range_of_training() -> None:
    codes = torch.randn(400, 3).relu()
    distribution = CodeDistribution(3)
    distribution.fit(codes)
    drawn = distribution.sample(1000, Key.from_seed(0))
    assert drawn.min() == 0
    assert (drawn.amax(0) <= codes.amax(0)).all()


@pytest.mark.parametrize("size", [(28, 28), (7, 7), (32, 20), (13, 29), (4, 5), (64, 64)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_conv_takes_any_size_and_channels(size: tuple[int, int], channels: int) -> None:
    spec = DataSpec(channels, *size)
    body = Conv([3, 5], [7], "leaky_relu", "relu")
    images = torch.rand(2, *spec.shape)
    assert body.build_encoder(spec, 6)(images).shape == (2, 6)
    assert body.build_decoder(spec, 6)(torch.rand(2, 6)).shape == images.shape
    features = body.build_encoder(spec, None)(images)
    assert body.build_decoder(spec, None)(features).shape == images.shape


def test_conv_says_how_often_an_image_can_be_halved() -> None:
    with pytest.raises(ValueError, match="3 times"):
        Conv([1, 2, 3, 4], [], "relu", "relu").build_encoder(DataSpec(1, 15, 9), 1)


def test_backbones_name_their_activations() -> None:
    with pytest.raises(ValueError, match="activation=swish: must be one of relu"):
        MLP([4], "swish").build_encoder(SPEC, 1)
    assert isinstance(MLP([4], "tanh").build_encoder(SPEC, 1)[0].activation, nn.Tanh)
