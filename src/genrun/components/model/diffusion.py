"""Denoising diffusion with EDM's design (Karras et al., 2206.00364, table 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.model._edm_sampler import Churn, noise_schedule, sample_heun
from genrun.components.model._noise_level import get_denoiser
from genrun.components.model._ode import Velocity
from genrun.components.model._probability_flow import ProbabilityFlow
from genrun.core import noise
from genrun.core.noise import Key


@dataclass(frozen=True)
class Diffusion(ProbabilityFlow):
    """Learns to denoise images in [-1, 1] at every standard deviation sigma of the noise.

    In training ln(sigma) is normal with `noise_mean` and `noise_deviation` (P_mean, P_std).
    Samples follow the probability flow from `sigma_max` to 0 in `sampling_steps` steps of Heun's
    method. The likelihood is that of data with noise `sigma_min`, at which its flow ends.
    """

    sigma_data: float
    noise_mean: float
    noise_deviation: float
    sigma_min: float
    sigma_max: float
    step_exponent: float
    sampling_steps: int
    churn: float
    churn_lowest: float
    churn_highest: float
    churn_deviation: float
    monitor = "denoising_loss"

    def __post_init__(self) -> None:
        if self.sigma_min >= self.sigma_max:
            raise ValueError(
                f"sigma_min={self.sigma_min}: must be below sigma_max={self.sigma_max}"
            )

    def denoise(self, nets: nn.ModuleDict, noisy: Tensor, sigma: Tensor) -> Tensor:
        """Returns D(noisy; sigma), the expected clean images (equation 7).

        `noisy` are (batch, channels, height, width), `sigma` (batch,). Inputs and targets of the
        network have unit variance (appendix B.6).
        """
        data, level = self.sigma_data, sigma[:, None, None, None]
        total = (level.square() + data**2).sqrt()
        outputs = nets["denoiser"](noisy / total, sigma.log() / 4)
        denoised: Tensor = noisy * (data / total) ** 2 + outputs * (level * data / total)
        return denoised

    def losses(self, nets: nn.ModuleDict, images: Tensor, levels: Tensor, key: Key) -> Tensor:
        """Returns the mean squared error a pixel times lambda(sigma), (batch,) (table 1).

        The expected loss of a network whose output is 0 is 1 at every sigma.
        """
        sigma = self._sigma(levels)
        level = sigma[:, None, None, None]
        noisy = images + level * noise.normal(key, images.shape, like=images)
        errors = (self.denoise(nets, noisy, sigma) - images).flatten(1).square().mean(1)
        weights = (sigma.square() + self.sigma_data**2) / (sigma * self.sigma_data).square()
        return errors * weights

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        like, shape = next(nets.parameters()), (count, *get_denoiser(nets).spec.shape)
        images = self.sigma_max * noise.normal(key.fold("start"), shape, like=like)
        deviations = noise_schedule(
            self.sigma_min, self.sigma_max, self.step_exponent, self.sampling_steps
        )
        churn = Churn(self.churn, self.churn_lowest, self.churn_highest, self.churn_deviation)

        def denoise(noisy: Tensor, sigma: Tensor) -> Tensor:
            return self.denoise(nets, noisy, sigma)

        sampled = sample_heun(denoise, images, deviations, churn, key.fold("churn"))
        return ((sampled + 1) / 2).clamp(0, 1)

    def to_noise(self, nets: nn.ModuleDict) -> tuple[Velocity, float]:
        """Returns the probability flow (equation 3) and the deviation at its end.

        Sigma rises from sigma_min to sigma_max along the curve of equation 5.
        """
        shape = get_denoiser(nets).spec.shape
        first = self.sigma_min ** (1 / self.step_exponent)
        span = self.sigma_max ** (1 / self.step_exponent) - first

        def velocity(values: Tensor, times: Tensor) -> Tensor:
            root = first + times * span
            sigma = root**self.step_exponent
            rate = self.step_exponent * span / root  # d ln(sigma) / ds
            clean = self.denoise(nets, values.reshape(-1, *shape), sigma).flatten(1)
            slope: Tensor = (values - clean) * rate[:, None]
            return slope

        return velocity, (self.sigma_max**2 + self.sigma_data**2) ** 0.5

    def _sigma(self, levels: Tensor) -> Tensor:
        """Returns the deviations at these quantiles of their distribution, (batch,) each."""
        normal: Tensor = torch.special.ndtri(levels)
        return (self.noise_mean + self.noise_deviation * normal).exp()
