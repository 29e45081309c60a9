"""Conditional flow matching (Lipman et al., 2210.02747; Liu et al., 2209.03003)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from genrun.components.model._noise_coupling import PAIRINGS
from genrun.components.model._noise_level import levelled
from genrun.components.model._ode import SOLVERS, Precision, Velocity
from genrun.components.model._probability_flow import ProbabilityFlow
from genrun.core import noise
from genrun.core.noise import Key


@dataclass(frozen=True)
class FlowMatching(ProbabilityFlow):
    """Learns the velocity that leads from noise at t = 0 straight to images at t = 1.

    `pairing` says which noise leads to which image. With `optimal_transport` paths cross less, and
    the loss is lower, on held-out images too, which are paired alike: compare pairings by samples.
    """

    pairing: str
    solver: str
    sampling_steps: int
    monitor = "flow_matching_loss"

    def __post_init__(self) -> None:
        for key, value, known in (
            ("pairing", self.pairing, PAIRINGS),
            ("solver", self.solver, SOLVERS),
        ):
            if value not in known:
                raise ValueError(f"{key}={value} is none of {', '.join(known)}")

    def losses(self, nets: nn.ModuleDict, images: Tensor, levels: Tensor, key: Key) -> Tensor:
        """Squared error a pixel of the velocity, on the straight way from the paired noise.

        2209.03003, equation 1; 2210.02747, equation 23 with sigma_min = 0.
        """
        drawn = noise.normal(key, images.shape, like=images)
        start = PAIRINGS[self.pairing](drawn, images)
        way = images - start
        on_the_way = start + levels[:, None, None, None] * way
        errors: Tensor = nets["denoiser"](on_the_way, levels) - way
        return errors.flatten(1).square().mean(1)

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        spec, like = levelled(nets).spec, next(nets.parameters())
        start = noise.normal(key, (count, spec.pixels), like=like)
        precision = Precision(self.sampling_steps, self.solver_tolerance)
        end = SOLVERS[self.solver](self._velocity(nets), start, precision)
        return ((end.view(count, *spec.shape) + 1) / 2).clamp(0, 1)

    def to_noise(self, nets: nn.ModuleDict) -> tuple[Velocity, float]:
        velocity = self._velocity(nets)
        return lambda values, times: -velocity(values, 1 - times), 1.0

    def _velocity(self, nets: nn.ModuleDict) -> Velocity:
        """From noise at t = 0 to images at t = 1, flat."""
        network = levelled(nets)

        def velocity(values: Tensor, times: Tensor) -> Tensor:
            flowing: Tensor = network(values.reshape(-1, *network.spec.shape), times)
            return flowing.flatten(1)

        return velocity
