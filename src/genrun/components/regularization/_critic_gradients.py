"""What penalties on a critic's gradient at images share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genrun.core.errors import ConfigError
from genrun.core.layers import frozen_statistics
from genrun.core.noise import Key
from genrun.core.opponents import opponents_no_grad
from genrun.core.protocols.model import Adversarial, Model
from genrun.core.types import DataSpec, Player


def refuse_without_critic(name: str, model: Model) -> None:
    """Raises `ConfigError` where nobody in the model judges images."""
    if not isinstance(model, Adversarial):
        raise ConfigError(
            f"regularization={name} needs a model with a discriminator (gan); "
            f"{type(model).__name__} has none"
        )


def refuse_points(name: str, spec: DataSpec) -> None:
    """Raises `ConfigError` where the data are no images."""
    if spec.points:
        raise ConfigError(
            f"regularization={name} needs images to change, and these data are points; "
            "regularization=instance_noise suits both"
        )


def critic_for(model: Model, player: Player) -> Adversarial | None:
    """The model, if it is this player that judges."""
    assert isinstance(model, Adversarial)
    return model if player.name == model.critic else None


def squared_gradient_norms(critic: Adversarial, nets: nn.ModuleDict, images: Tensor) -> Tensor:
    """Of the judgement's gradient with respect to each image, shape (batch,)."""
    with frozen_statistics(nets):
        gradient = torch.func.grad(lambda given: critic.critic_logits(nets, given).sum())(images)
    squared: Tensor = gradient.square().flatten(1).sum(1)
    return squared


def generated_like(model: Model, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Tensor:
    """As many images of the generator as the batch has, with no way back to it."""
    with opponents_no_grad(), frozen_statistics(nets):
        return model.sample(nets, len(batch), key.fold("generated"))
