"""Log-likelihoods of continuous normalizing flows (Grathwohl et al., FFJORD, 1810.01367)."""

from __future__ import annotations

import torch
from torch import Tensor

from genrun.components.model._ode import (
    SolverSettings,
    Velocity,
    root_mean_square,
    solve_adaptive,
)
from genrun.core import noise
from genrun.core.noise import Key


def integrate_log_density(
    velocity: Velocity, x: Tensor, settings: SolverSettings, exact_up_to: int, key: Key
) -> tuple[Tensor, Tensor]:
    """Returns x at s = 1, (batch, values), and log p(x at 0) - log p(x at 1), (batch,).

    d log p / ds = -div velocity along the trajectory (Chen et al., 1806.07366, equation 8). With
    more than `exact_up_to` values the divergence is estimated by one Rademacher vector an image,
    the same along the whole trajectory (Hutchinson; 1810.01367, equation 8): unbiased, and by one
    backward pass of the network instead of one for each value.
    """
    probe = None
    if x.shape[1] > exact_up_to:
        probe = 2 * (noise.uniform(key, x.shape, like=x) >= 0.5).to(x.dtype) - 1
    # The probe is part of the state, because the solver evaluates some of the rows at a time.
    parts = [x, x.new_zeros(len(x), 1)] + ([] if probe is None else [probe])
    width = x.shape[1]

    def joint(state: Tensor, times: Tensor) -> Tensor:
        row_probe = None if probe is None else state[:, width + 1 :]
        slope, divergence = _with_divergence(velocity, state[:, :width], times, row_probe)
        constant = [] if row_probe is None else [torch.zeros_like(row_probe)]
        return torch.cat([slope, divergence[:, None], *constant], dim=1)

    def norm(errors: Tensor) -> Tensor:
        return torch.maximum(root_mean_square(errors[:, :width]), errors[:, width].abs())

    end = solve_adaptive(joint, torch.cat(parts, dim=1), settings, norm)
    return end[:, :width], end[:, width]


def _with_divergence(
    velocity: Velocity, x: Tensor, times: Tensor, probe: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Returns the velocity, (batch, values), and its divergence or an estimate of it, (batch,)."""
    slope, vjp = torch.func.vjp(lambda values: velocity(values, times), x)[:2]
    if probe is not None:
        return slope, (vjp(probe)[0] * probe).sum(1)
    directions = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    diagonal = [
        vjp(direction.expand_as(x))[0][:, index] for index, direction in enumerate(directions)
    ]
    return slope, torch.stack(diagonal).sum(0)
