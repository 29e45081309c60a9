"""Solvers of dx/ds = velocity(x, s) for a batch, from s = 0 to s = 1.

`euler` and `midpoint` take steps of one length; `adaptive` is the embedded Runge-Kutta pair of orders
5 and 4 (Dormand and Prince, 1980), whose steps follow an estimate of the error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
"""dx/ds of x, (batch, values), at the times s, (batch,)."""


@dataclass(frozen=True)
class Precision:
    """How closely a solver follows. Each takes what it needs of it."""

    steps: int  # all of one length
    tolerance: float  # of one step's error, relative and absolute


Solver = Callable[[Velocity, Tensor, Precision], Tensor]
"""From x at s = 0, (batch, values), to x at s = 1."""


def euler(velocity: Velocity, x: Tensor, precision: Precision) -> Tensor:
    """First order: one velocity a step."""
    length = 1 / precision.steps
    for step in range(precision.steps):
        x = x + length * velocity(x, _times(x, step * length))
    return x


def midpoint(velocity: Velocity, x: Tensor, precision: Precision) -> Tensor:
    """Second order: the velocity in the middle of each step, where Euler's half step leads."""
    length = 1 / precision.steps
    for step in range(precision.steps):
        start = step * length
        middle = x + 0.5 * length * velocity(x, _times(x, start))
        x = x + length * velocity(middle, _times(x, start + 0.5 * length))
    return x


def _times(x: Tensor, time: float) -> Tensor:
    return x.new_full((len(x),), time)


# Table 2 of the paper, RK5(4)7M: times, and the weights of the velocities before
TIMES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
WEIGHTS = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),  # of order 5: the next x
)
ERRORS = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)

FIRST_STEP = 0.01
SMALLEST_STEP = 1e-3  # taken whatever its error, so that an end is sure
SAFETY, LEAST_CHANGE, MOST_CHANGE = 0.9, 0.2, 5.0  # of the step's length, Hairer et al., II.4

Norm = Callable[[Tensor], Tensor]
"""Errors (batch, values), each as a share of what is allowed, to one number each, (batch,)."""


def root_mean_square(errors: Tensor) -> Tensor:
    return errors.square().mean(1).sqrt()


def adaptive(
    velocity: Velocity, x: Tensor, precision: Precision, norm: Norm = root_mean_square
) -> Tensor:
    """Fifth order. Every row has its own steps, so it depends on no other row of the batch."""
    x, tolerance = x.clone(), precision.tolerance
    time, length = x.new_zeros(len(x)), x.new_full((len(x),), FIRST_STEP)
    slope = velocity(x, time)
    rows = torch.arange(len(x), device=x.device)  # those that are not there yet
    while len(rows) > 0:
        start, begun, taken = x[rows], time[rows], torch.minimum(length[rows], 1 - time[rows])
        end, slopes = _step(velocity, start, begun, taken, slope[rows])
        error = taken[:, None] * _combined(ERRORS, slopes)
        scale = tolerance * (1 + torch.maximum(start.abs(), end.abs()))
        size = norm(error / scale)
        accepted = (size <= 1) | (taken <= SMALLEST_STEP)
        there = rows[accepted]
        x[there], slope[there] = end[accepted], slopes[-1][accepted]
        last = taken == 1 - begun  # or rounding could leave a rest
        time[there] = torch.where(last, torch.ones_like(begun), begun + taken)[accepted]
        change = SAFETY * size.clamp(min=1e-10) ** -0.2
        change = change.nan_to_num(nan=LEAST_CHANGE).clamp(LEAST_CHANGE, MOST_CHANGE)
        length[rows] = (taken * change).clamp(min=SMALLEST_STEP)
        rows = rows[time[rows] < 1]
    return x


def _step(
    velocity: Velocity, x: Tensor, time: Tensor, length: Tensor, slope: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """x after a step, and the seven slopes; the last is the next step's first."""
    slopes, end = [slope], x
    for fraction, weights in zip(TIMES, WEIGHTS, strict=True):
        end = x + length[:, None] * _combined(weights, slopes)
        slopes.append(velocity(end, time + fraction * length))
    return end, slopes


def _combined(weights: Sequence[float], slopes: Sequence[Tensor]) -> Tensor:
    pairs = zip(weights, slopes, strict=True)
    return torch.stack([weight * slope for weight, slope in pairs if weight != 0]).sum(0)


SOLVERS: dict[str, Solver] = {"euler": euler, "midpoint": midpoint, "adaptive": adaptive}
