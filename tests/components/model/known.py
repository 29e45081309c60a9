"""Optimal networks in closed form, for data of independent normal values."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from genrun.components.model._noise_level import NoiseConditionedNetwork
from genrun.components.model.diffusion import Diffusion
from genrun.components.model.flow_matching import FlowMatching
from genrun.core.types import DataSpec


class Known(NoiseConditionedNetwork):
    """The optimal network for data of `mean` and `deviation`, (channels, height, width) each.

    Both are in the scale of [-1, 1].
    """

    def __init__(self, spec: DataSpec, mean: Tensor, deviation: Tensor) -> None:
        nn.Module.__init__(self)
        self.spec, self.mean, self.deviation = spec, nn.Parameter(mean), deviation

    def data(self) -> Normal:
        return Normal(self.mean.detach(), self.deviation)

    def nets(self) -> nn.ModuleDict:
        return nn.ModuleDict({"denoiser": self}).requires_grad_(False)


class KnownDenoiser(Known):
    """The F of equation 7 whose D is the posterior mean of x in x + sigma n."""

    def __init__(self, sigma_data: float, *arguments) -> None:
        super().__init__(*arguments)
        self.sigma_data = sigma_data

    def forward(self, images: Tensor, levels: Tensor) -> Tensor:
        sigma, data = (4 * levels).exp()[:, None, None, None], self.sigma_data
        noisy = images * (sigma**2 + data**2).sqrt()  # divided by c_in
        variance = self.deviation**2
        best = (variance * noisy + sigma**2 * self.mean) / (variance + sigma**2)
        skip = data**2 / (sigma**2 + data**2)
        out = sigma * data / (sigma**2 + data**2).sqrt()
        return (best - skip * noisy) / out


class KnownVelocity(Known):
    """E[x1 - x0 | (1 - t) x0 + t x1], x0 standard normal and independent of x1."""

    def forward(self, images: Tensor, levels: Tensor) -> Tensor:
        t = levels[:, None, None, None]
        variance = self.deviation**2
        centred = images - t * self.mean
        slope = (t * variance - (1 - t)) / (t**2 * variance + (1 - t) ** 2)
        return self.mean + slope * centred


def edm(**changed) -> Diffusion:
    """EDM with its default settings except these."""
    settings = {
        "sigma_data": 0.5, "noise_mean": -1.2, "noise_deviation": 1.2, "sigma_min": 0.002,
        "sigma_max": 80.0, "step_exponent": 7.0, "sampling_steps": 18, "churn": 0.0,
        "churn_lowest": 0.05, "churn_highest": 50.0, "churn_deviation": 1.003,
        "noise_levels": 4, "solver_tolerance": 1e-6, "exact_trace_up_to": 16,
    }  # fmt: skip
    return Diffusion(**{**settings, **changed})


def matching(**changed) -> FlowMatching:
    """Flow matching with default settings except these."""
    settings = {
        "pairing": "independent", "solver": "midpoint", "sampling_steps": 30, "noise_levels": 4,
        "solver_tolerance": 1e-6, "exact_trace_up_to": 16,
    }  # fmt: skip
    return FlowMatching(**{**settings, **changed})


def spec_of(mean: Tensor, points: bool = False) -> DataSpec:
    return DataSpec(*mean.shape, points=points)


def sorted_normal(count: int, like: Tensor) -> Tensor:
    return torch.special.ndtri((torch.arange(count, dtype=like.dtype) + 0.5) / count)
