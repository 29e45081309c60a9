"""The conditional GAN: both networks and the penalties depend on the labels."""

import pytest
import torch
from torch.nn.functional import softplus

from genrun.components.backbone.mlp import MLP
from genrun.components.model.conditional_gan import ConditionalGAN
from genrun.components.regularization.r1 import R1
from genrun.core.errors import ConfigError
from genrun.core.noise import Key
from genrun.core.types import DataSpec, Player

pytestmark = pytest.mark.usefixtures("float64")
SPEC = DataSpec(1, 4, 4, classes=3)
MODEL = ConditionalGAN(latent_dim=3, discriminator_turns=1, real_target=1.0, embedding_dim=2)
DISCRIMINATOR = Player("discriminator", ("discriminator",))


def test_losses_are_of_the_images_and_labels_together() -> None:
    nets = MODEL.build_networks(MLP([6], "tanh"), SPEC)
    labels = torch.tensor([0, 1, 2, 2, 1])
    model, images, key = MODEL.condition_on(labels), torch.rand(5, *SPEC.shape), Key.from_seed(1)
    real, fake = (
        model.critic_logits(nets, images),
        model.critic_logits(nets, model.sample(nets, 5, key)),
    )
    loss, _ = model.loss("discriminator", nets, images, key)
    torch.testing.assert_close(loss, (softplus(-real) + softplus(fake)).mean())
    others = MODEL.condition_on((labels + 1) % 3)
    assert not torch.isclose(others.critic_logits(nets, images), real).any()
    assert not torch.isclose(others.sample(nets, 5, key), model.sample(nets, 5, key)).all()


def test_logits_are_the_projection_of_the_paper() -> None:
    """psi(phi(x)) + y^T V phi(x), equation 4 of Miyato and Koyama."""
    nets = MODEL.build_networks(MLP([6], "tanh"), SPEC)
    body, head, embedding = (
        getattr(nets["discriminator"], name) for name in ("body", "head", "embedding")
    )
    labels, images = torch.tensor([2, 0]), torch.rand(2, *SPEC.shape)
    features = body(2 * images - 1)
    one_hot = torch.eye(3)[labels]
    expected = head(features)[:, 0] + ((one_hot @ embedding.weight) * features).sum(1)
    torch.testing.assert_close(MODEL.condition_on(labels).critic_logits(nets, images), expected)


def test_r1_is_of_the_logits_with_the_batchs_labels() -> None:
    nets = MODEL.build_networks(MLP([6], "tanh"), SPEC)
    labels, images = torch.tensor([0, 1, 2]), torch.rand(3, *SPEC.shape).requires_grad_()
    model = MODEL.condition_on(labels)
    (gradient,) = torch.autograd.grad(model.critic_logits(nets, images).sum(), images)
    penalty = R1(gamma=2.0).penalty(model, DISCRIMINATOR, nets, images.detach(), Key.from_seed(0))
    torch.testing.assert_close(penalty, gradient.square().flatten(1).sum(1).mean())


def test_without_labels_it_samples_all_classes_in_turn() -> None:
    nets = MODEL.build_networks(MLP([6], "tanh"), SPEC)
    labelled = MODEL.condition_on(torch.tensor([0, 1, 2, 0])).sample(nets, 4, Key.from_seed(5))
    torch.testing.assert_close(MODEL.sample(nets, 4, Key.from_seed(5)), labelled)


def test_data_without_labels_are_refused() -> None:
    with pytest.raises(ConfigError, match="have no labels"):
        MODEL.build_networks(MLP([6], "tanh"), DataSpec(1, 4, 4))
