"""Checks and gradients shared by regularizations of a critic."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genrun.core.errors import ConfigError
from genrun.core.layers import frozen_statistics
from genrun.core.noise import Key
from genrun.core.opponents import opponents_no_grad
from genrun.core.protocols.model import Adversarial, Model
from genrun.core.types import DataSpec, Player


def check_has_critic(name: str, model: Model) -> None:
    """Raises `ConfigError` if the model has no critic."""
    if not isinstance(model, Adversarial):
        raise ConfigError(
            f"regularization={name} needs a model with a discriminator, e.g. model=gan; "
            f"{type(model).__name__} has none"
        )


def check_images(name: str, spec: DataSpec) -> None:
    """Raises `ConfigError` if the data are points instead of images."""
    if spec.points:
        raise ConfigError(
            f"regularization={name} transforms images, and these data are points; "
            "regularization=instance_noise works for both"
        )


def select_critic(model: Model, player: Player) -> Adversarial | None:
    """Returns the model if the player is its critic, else None."""
    assert isinstance(model, Adversarial)
    return model if player.name == model.critic else None


def squared_gradient_norms(critic: Adversarial, nets: nn.ModuleDict, images: Tensor) -> Tensor:
    """Returns the squared norm of the gradient of each logit by its image, (batch,).

    `images` are (batch, channels, height, width) in [0, 1].
    """
    with frozen_statistics(nets):
        gradient = torch.func.grad(lambda inputs: critic.critic_logits(nets, inputs).sum())(images)
    squared: Tensor = gradient.square().flatten(1).sum(1)
    return squared


def generate_batch(model: Model, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Tensor:
    """Returns as many generated images as the batch has, without a gradient to the generator."""
    with opponents_no_grad(), frozen_statistics(nets):
        return model.sample(nets, len(batch), key.fold("generated"))
