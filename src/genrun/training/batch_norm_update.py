"""BatchNorm's running statistics for averaged weights, which were never trained with."""

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
    """Sets the running statistics to the mean over the first training batches.

    Each player's loss is computed once on each batch, without gradients, so a layer sees what it
    sees in training (a discriminator: real images and samples). This is the method of stochastic
    weight averaging (arXiv 1803.05407, section 3.2), with a fixed number of batches, a function of
    the seed, in place of an epoch.
    """

    model: Model
    data: Data
    seed: int
    shard: BatchShard | None  # of each batch, if several processes train

    def __call__(self, nets: nn.ModuleDict) -> None:
        with torch.no_grad(), _cumulative_statistics(nets):
            for index in range(BATCHES):
                batch = self.data.batch(index)
                for player in self.model.players():
                    key = Key.from_seed(self.seed, "statistics", index, player.name)
                    with noise.layer_keys(key, self.shard):
                        self.model.loss(player.name, nets, batch, key.fold("loss"))


@contextmanager
def _cumulative_statistics(nets: nn.ModuleDict) -> Iterator[None]:
    """While open, BatchNorm layers average over all batches seen since it was opened."""
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
