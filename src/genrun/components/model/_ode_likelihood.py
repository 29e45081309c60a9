"""Exact log-likelihoods of flows along an ordinary differential equation (FFJORD, 1810.01367)."""

from __future__ import annotations

import torch
from torch import Tensor

from genrun.components.model._ode import Precision, Velocity, adaptive, root_mean_square
from genrun.core import noise
from genrun.core.noise import Key


def transported(
    velocity: Velocity, x: Tensor, precision: Precision, exact_up_to: int, key: Key
) -> tuple[Tensor, Tensor]:
    """x at s = 1, (batch, values), and by how much log p is lower there than at s = 0: (batch,).

    d log p / ds = -div velocity along the way (Chen et al., 1806.07366, equation 8). With more
    than `exact_up_to` values the divergence is estimated by one Rademacher vector an image, the
    same all the way (Hutchinson; 1810.01367, equation 8): without bias, and by one pass back
    through the network instead of one for each value.
    """
    probe = None
    if x.shape[1] > exact_up_to:
        probe = 2 * (noise.uniform(key, x.shape, like=x) >= 0.5).to(x.dtype) - 1
    # the probe is a row's own, so it travels with the row: a solver calls with some rows at a time
    parts = [x, x.new_zeros(len(x), 1)] + ([] if probe is None else [probe])
    width = x.shape[1]

    def joint(state: Tensor, times: Tensor) -> Tensor:
        own_probe = None if probe is None else state[:, width + 1 :]
        slope, divergence = _with_divergence(velocity, state[:, :width], times, own_probe)
        still = [] if own_probe is None else [torch.zeros_like(own_probe)]
        return torch.cat([slope, divergence[:, None], *still], dim=1)

    def norm(errors: Tensor) -> Tensor:
        return torch.maximum(root_mean_square(errors[:, :width]), errors[:, width].abs())

    end = adaptive(joint, torch.cat(parts, dim=1), precision, norm)
    return end[:, :width], end[:, width]


def _with_divergence(
    velocity: Velocity, x: Tensor, times: Tensor, probe: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The velocity, and the trace of its derivative by x: (batch,)."""
    slope, pull = torch.func.vjp(lambda values: velocity(values, times), x)[:2]
    if probe is not None:
        return slope, (pull(probe)[0] * probe).sum(1)
    directions = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    diagonal = [
        pull(direction.expand_as(x))[0][:, index] for index, direction in enumerate(directions)
    ]
    return slope, torch.stack(diagonal).sum(0)
