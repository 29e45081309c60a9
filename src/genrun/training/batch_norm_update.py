"""BatchNorm's statistics for weights that were not trained with: averaged ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.protocols.data import Data
from genrun.core.protocols.model import Model
from genrun.core.types import BatchShard

BATCHES = 16


@dataclass(frozen=True)
class UpdateBatchNorm:
    """Sets them to the mean over the first training batches, always the same.

    Each player's loss is computed once on each batch, without gradients, so a layer sees what it
    sees in training: a discriminator real images and samples. As for averages over an epoch's
    weights (arXiv 1803.05407, section 3.2), but that a function of the seed needs fewer batches.
    """

    model: Model
    data: Data
    seed: int
    shard: BatchShard | None  # of each batch, where several processes train

    def __call__(self, nets: nn.ModuleDict) -> None:
        with torch.no_grad(), _following(nets):
            for index in range(BATCHES):
                batch = self.data.batch(index)
                for player in self.model.players():
                    key = Key.from_seed(self.seed, "statistics", index, player.name)
                    with noise.layer_keys(key, self.shard):
                        self.model.loss(player.name, nets, batch, key.fold("loss"))


@contextmanager
def _following(nets: nn.ModuleDict) -> Iterator[None]:
    """While open, BatchNorm keeps the plain mean of all that it sees from now on."""
    layers = [m for m in nets.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    momenta = [layer.momentum for layer in layers]
    training = nets.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    nets.train()
    try:
        yield
    finally:
        nets.train(training)
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
