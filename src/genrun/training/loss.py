"""A player's loss, penalties included, as a function of batch and key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.protocols.model import Conditional, Model
from genrun.core.protocols.regularization import Penalty
from genrun.core.types import BatchShard, Metrics, Player

Batch = tuple[Tensor, Tensor | None]  # images, and their labels for a conditional model
Loss = Callable[[Tensor, Tensor | None, int], tuple[Tensor, Metrics]]


@dataclass(frozen=True)
class StepSettings:
    """How losses are computed: seed, device, precision, compilation, this process's shard."""

    seed: int
    device: torch.device
    autocast: torch.dtype | None  # None: everything in the parameters' own precision
    compile: bool
    shard: BatchShard | None  # of each batch, if several processes train; None: all of it


def player_loss(
    unconditional: Model,
    player: Player,
    nets: nn.ModuleDict,
    penalties: Mapping[str, Penalty],
    settings: StepSettings,
) -> Loss:
    """Returns the function of (batch, labels, base of the noise key) to loss and metrics."""

    def compute_loss(
        batch: Tensor, labels: Tensor | None, base: int | Tensor
    ) -> tuple[Tensor, Metrics]:
        key, model = Key(base), condition_on(unconditional, labels)
        with noise.layer_keys(key, settings.shard):
            loss, metrics = model.loss(player.name, nets, batch, key.fold("loss"))
            for name, term in penalties.items():
                value = term.penalty(model, player, nets, batch, key.fold(name))
                if value is not None:
                    loss, metrics = loss + value, metrics | {name: value}
        return loss, metrics

    if settings.autocast is not None:
        compute_loss = torch.autocast(settings.device.type, settings.autocast)(compute_loss)
    if not settings.compile:
        return compute_loss
    compiled = torch.compile(
        compute_loss
    )  # compiled once for all bases, which are passed as a tensor
    return lambda batch, labels, base: compiled(batch, labels, torch.tensor(base))


def condition_on(model: Model, labels: Tensor | None) -> Model:
    """Returns the model of images with these labels; an unconditional model is returned as is."""
    # labels first: checking a runtime protocol takes Python half a percent of a small step
    return (
        model.condition_on(labels)
        if labels is not None and isinstance(model, Conditional)
        else model
    )


def trained_parameters(nets: nn.ModuleDict, player: Player) -> list[nn.Parameter]:
    """The parameters that the player's optimizer moves."""
    return [parameter for name in player.networks for parameter in nets[name].parameters()]
