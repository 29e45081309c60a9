"""Conditional flow matching (Lipman et al., 2210.02747; Liu et al., 2209.03003)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from genrun.components.model._noise_coupling import NOISE_COUPLINGS
from genrun.components.model._noise_level import get_denoiser
from genrun.components.model._ode import SOLVERS, SolverSettings, Velocity
from genrun.components.model._probability_flow import ProbabilityFlow
from genrun.core import noise
from genrun.core.noise import Key


@dataclass(frozen=True)
class FlowMatching(ProbabilityFlow):
    """Learns the velocity of straight paths from noise at t = 0 to images at t = 1.

    `pairing` is the coupling of noise and images. With `optimal_transport` paths cross less and
    the loss is lower, also on held-out images, which are coupled in the same way: compare
    couplings by samples, not by this loss.
    """

    pairing: str
    solver: str
    sampling_steps: int
    monitor = "flow_matching_loss"

    def __post_init__(self) -> None:
        for key, value, allowed in (
            ("pairing", self.pairing, NOISE_COUPLINGS),
            ("solver", self.solver, SOLVERS),
        ):
            if value not in allowed:
                raise ValueError(f"{key}={value} is none of {', '.join(allowed)}")

    def losses(self, nets: nn.ModuleDict, images: Tensor, levels: Tensor, key: Key) -> Tensor:
        """Returns the mean squared error a pixel of the velocity at random times, (batch,).

        2209.03003, equation 1; 2210.02747, equation 23 with sigma_min = 0.
        """
        drawn = noise.normal(key, images.shape, like=images)
        start = NOISE_COUPLINGS[self.pairing](drawn, images)
        target = images - start
        interpolated = start + levels[:, None, None, None] * target
        errors: Tensor = nets["denoiser"](interpolated, levels) - target
        return errors.flatten(1).square().mean(1)

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        spec, like = get_denoiser(nets).spec, next(nets.parameters())
        start = noise.normal(key, (count, spec.pixels), like=like)
        settings = SolverSettings(self.sampling_steps, self.solver_tolerance)
        end = SOLVERS[self.solver](self._velocity(nets), start, settings)
        return ((end.view(count, *spec.shape) + 1) / 2).clamp(0, 1)

    def to_noise(self, nets: nn.ModuleDict) -> tuple[Velocity, float]:
        velocity = self._velocity(nets)
        return lambda values, times: -velocity(values, 1 - times), 1.0

    def _velocity(self, nets: nn.ModuleDict) -> Velocity:
        """Returns the learned velocity from noise at t = 0 to images at t = 1, (batch, pixels)."""
        network = get_denoiser(nets)

        def velocity(values: Tensor, times: Tensor) -> Tensor:
            velocities: Tensor = network(values.reshape(-1, *network.spec.shape), times)
            return velocities.flatten(1)

        return velocity
