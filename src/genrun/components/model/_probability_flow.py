"""Models whose samples follow an ordinary differential equation from noise (2011.13456)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from genrun.components.model._noise_level import (
    NoiseConditionedNetwork,
    get_denoiser,
    stratified_levels,
)
from genrun.components.model._ode import SolverSettings, Velocity
from genrun.components.model._ode_likelihood import integrate_log_density
from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player

PIXEL_LEVELS = 256
# In place of a uniform draw of 0, whose normal quantile is infinite: half of the least float32
# above 0 that a draw returns.
SMALLEST_LEVEL = 1e-8


@dataclass(frozen=True)
class ProbabilityFlow(ABC):
    """One network that takes images in [-1, 1] and a noise level; subclasses define its target.

    Each held-out image is evaluated at `noise_levels` levels. The log-likelihood is integrated
    with tolerance `solver_tolerance`; its divergence is exact for data of at most
    `exact_trace_up_to` values, and an unbiased estimate for others. Song et al. (2011.13456,
    section 4.3) introduced both for diffusion.
    """

    noise_levels: int
    solver_tolerance: float
    exact_trace_up_to: int
    monitor: ClassVar[str]
    data_range = (-1.0, 1.0)

    @abstractmethod
    def losses(self, nets: nn.ModuleDict, images: Tensor, levels: Tensor, key: Key) -> Tensor:
        """Returns the loss of each image, (batch,).

        Images are (batch, channels, height, width) in [-1, 1]; `levels`, (batch,) in (0, 1), are
        quantiles of the distribution of noise levels in training.
        """

    @abstractmethod
    def to_noise(self, nets: nn.ModuleDict) -> tuple[Velocity, float]:
        """Returns the velocity from data in [-1, 1] to noise, and the noise's deviation.

        Data and noise are (batch, pixels); the noise is normal with mean 0.
        """

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        return nn.ModuleDict({"denoiser": NoiseConditionedNetwork(backbone, spec)})

    def players(self) -> tuple[Player, ...]:
        return (Player("denoiser", networks=("denoiser",)),)

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        levels = noise.uniform(key.fold("levels"), batch.shape[:1], like=batch)
        levels = levels.clamp(min=SMALLEST_LEVEL)
        return self.losses(nets, 2 * batch - 1, levels, key.fold("noise")).mean(), {}

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Returns the loss of each image, (batch,), as the mean over stratified noise levels.

        The levels are the same at every evaluation.
        """
        images, draws = 2 * batch - 1, self.noise_levels
        losses = [
            self.losses(nets, images, stratified_levels(batch, draw, draws), key.fold(draw))
            for draw in range(draws)
        ]
        return {self.monitor: torch.stack(losses).mean(0)}

    def negative_log_likelihood(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Returns -log p in nats by the probability-flow ODE, (batch,).

        For points p is the density in the data's own coordinates (`DataSpec.coordinates`). For
        images it is the density in units of pixel levels, of the image with uniform noise in a
        cell of width 1 / (PIXEL_LEVELS - 1) around each level; its mean bounds -log P of the
        image itself from above (Theis et al., 1511.01844, equation 6).
        """
        values, spec = batch.flatten(1), get_denoiser(nets).spec
        cell = 1 / (2 * spec.extent)  # one unit of the points' own coordinates, in [0, 1]
        if not spec.points:
            cell = 1 / (PIXEL_LEVELS - 1)
            drawn = noise.uniform(key.fold("cell"), values.shape, like=values)
            values = values + cell * (drawn - 0.5)
        velocity, deviation = self.to_noise(nets)
        settings = SolverSettings(steps=0, tolerance=self.solver_tolerance)
        end, change = integrate_log_density(
            velocity, 2 * values - 1, settings, self.exact_trace_up_to, key.fold("trace")
        )
        scaled = end / deviation
        prior = -0.5 * (scaled.square() + math.log(2 * math.pi * deviation**2)).sum(1)
        density = prior + change + values.shape[1] * math.log(2 * cell)
        return {"probability_flow_ode": -density}
