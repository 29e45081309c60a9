"""What models share whose samples flow from noise along an ordinary differential equation."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from genrun.components.model._noise_level import LevelledNetwork, even_levels, levelled
from genrun.components.model._ode import Precision, Velocity
from genrun.components.model._ode_likelihood import transported
from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player

LEVELS = 256  # of a pixel
SMALLEST_LEVEL = 1e-8  # half of the least float32 that a draw gives, but 0, which no normal has


@dataclass(frozen=True)
class ProbabilityFlow(ABC):
    """One network, of images in [-1, 1] and a noise level; what it learns is the family's choice.

    `noise_levels` is how many levels each held-out image is judged at. The log-likelihood is
    integrated to `solver_tolerance`, its divergence exact for data of at most `exact_trace_up_to`
    values and estimated without bias for others.
    """

    noise_levels: int
    solver_tolerance: float
    exact_trace_up_to: int
    monitor: ClassVar[str]
    data_range = (-1.0, 1.0)

    @abstractmethod
    def losses(self, nets: nn.ModuleDict, images: Tensor, levels: Tensor, key: Key) -> Tensor:
        """(batch,), of images in [-1, 1] at quantiles `levels`, (batch,), of the noise levels."""

    @abstractmethod
    def to_noise(self, nets: nn.ModuleDict) -> tuple[Velocity, float]:
        """The flow from data in [-1, 1], flat, to noise, and that noise's standard deviation."""

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        return nn.ModuleDict({"denoiser": LevelledNetwork(backbone, spec)})

    def players(self) -> tuple[Player, ...]:
        return (Player("denoiser", networks=("denoiser",)),)

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        levels = noise.uniform(key.fold("levels"), batch.shape[:1], like=batch)
        levels = levels.clamp(min=SMALLEST_LEVEL)
        return self.losses(nets, 2 * batch - 1, levels, key.fold("noise")).mean(), {}

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """The loss at even noise levels, the same at every evaluation."""
        images, draws = 2 * batch - 1, self.noise_levels
        levels = [even_levels(batch, draw, draws) for draw in range(draws)]
        losses = [self.losses(nets, images, own, key.fold(i)) for i, own in enumerate(levels)]
        return {self.monitor: torch.stack(losses).mean(0)}

    def negative_log_likelihood(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """-log p in nats by the probability-flow equation: of a point's density in the data's own
        coordinates (`DataSpec.coordinates`), or of an image's among LEVELS^pixels.

        The latter is at most log P of the image itself: uniform noise fills the cell around each
        level, which is 1 / (LEVELS - 1) wide (Theis et al., 1511.01844, equation 6).
        """
        values, spec = batch.flatten(1), levelled(nets).spec
        cell = 1 / (2 * spec.extent)  # how far apart in [0, 1] points are that lie 1 apart
        if not spec.points:
            cell = 1 / (LEVELS - 1)
            drawn = noise.uniform(key.fold("cell"), values.shape, like=values)
            values = values + cell * (drawn - 0.5)
        velocity, deviation = self.to_noise(nets)
        precision = Precision(steps=0, tolerance=self.solver_tolerance)
        end, change = transported(
            velocity, 2 * values - 1, precision, self.exact_trace_up_to, key.fold("trace")
        )
        scaled = end / deviation
        prior = -0.5 * (scaled.square() + math.log(2 * math.pi * deviation**2)).sum(1)
        density = prior + change + values.shape[1] * math.log(2 * cell)
        return {"probability_flow_ode": -density}
