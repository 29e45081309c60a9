"""Solvers of dx/ds = velocity(x, s) for a batch, from s = 0 to s = 1.

`euler` and `midpoint` take steps of equal length. `adaptive` is the embedded Runge-Kutta pair of
orders 5 and 4 (Dormand and Prince, 1980), whose step length follows an estimate of the error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
"""dx/ds, (batch, values), of x, (batch, values), at the times s, (batch,)."""


@dataclass(frozen=True)
class SolverSettings:
    """The accuracy of a solver, of which each uses one field."""

    steps: int  # of `euler` and `midpoint`
    tolerance: float  # of `adaptive`: the error of one step, relative and absolute


Solver = Callable[[Velocity, Tensor, SolverSettings], Tensor]
"""From x at s = 0 to x at s = 1, (batch, values) each."""


def solve_euler(velocity: Velocity, x: Tensor, settings: SolverSettings) -> Tensor:
    """Returns x at s = 1 by Euler's method: first order, one velocity a step."""
    length = 1 / settings.steps
    for step in range(settings.steps):
        x = x + length * velocity(x, _times(x, step * length))
    return x


def solve_midpoint(velocity: Velocity, x: Tensor, settings: SolverSettings) -> Tensor:
    """Returns x at s = 1 by the midpoint method: second order, two velocities a step."""
    length = 1 / settings.steps
    for step in range(settings.steps):
        start = step * length
        middle = x + 0.5 * length * velocity(x, _times(x, start))
        x = x + length * velocity(middle, _times(x, start + 0.5 * length))
    return x


def _times(x: Tensor, time: float) -> Tensor:
    return x.new_full((len(x),), time)


# RK5(4)7M (Dormand and Prince, 1980, table 2): times and weights of the stages after the first
TIMES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
WEIGHTS = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),  # of order 5: the next x
)
# weights of the difference between the solutions of order 5 and 4
ERRORS = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)

FIRST_STEP = 0.01
SMALLEST_STEP = 1e-3  # accepted whatever its error, so that the solver always ends
# factors of the step's length (Hairer, Norsett and Wanner, Solving ODEs I, section II.4)
SAFETY, LEAST_CHANGE, MOST_CHANGE = 0.9, 0.2, 5.0

Norm = Callable[[Tensor], Tensor]
"""From errors in units of the tolerance, (batch, values), to one number a row, (batch,)."""


def root_mean_square(errors: Tensor) -> Tensor:
    """Returns the root mean square of each row of (batch, values), shape (batch,)."""
    return errors.square().mean(1).sqrt()


def solve_adaptive(
    velocity: Velocity, x: Tensor, settings: SolverSettings, norm: Norm = root_mean_square
) -> Tensor:
    """Returns x at s = 1 by the method of Dormand and Prince: fifth order, six velocities a step.

    Every row has its own step length, so its result depends on no other row of the batch.
    """
    x, tolerance = x.clone(), settings.tolerance
    time, length = x.new_zeros(len(x)), x.new_full((len(x),), FIRST_STEP)
    slope = velocity(x, time)
    rows = torch.arange(len(x), device=x.device)  # those that have not reached s = 1
    while len(rows) > 0:
        start, start_time = x[rows], time[rows]
        step = torch.minimum(length[rows], 1 - start_time)
        end, slopes = _step(velocity, start, start_time, step, slope[rows])
        error = step[:, None] * _weighted_sum(ERRORS, slopes)
        scale = tolerance * (1 + torch.maximum(start.abs(), end.abs()))
        size = norm(error / scale)
        accepted = (size <= 1) | (step <= SMALLEST_STEP)
        moved = rows[accepted]
        x[moved], slope[moved] = end[accepted], slopes[-1][accepted]
        is_last = step == 1 - start_time  # the sum could be rounded to slightly less than 1
        end_time = torch.where(is_last, torch.ones_like(start_time), start_time + step)
        time[moved] = end_time[accepted]
        change = SAFETY * size.clamp(min=1e-10) ** -0.2
        change = change.nan_to_num(nan=LEAST_CHANGE).clamp(LEAST_CHANGE, MOST_CHANGE)
        length[rows] = (step * change).clamp(min=SMALLEST_STEP)
        rows = rows[time[rows] < 1]
    return x


def _step(
    velocity: Velocity, x: Tensor, time: Tensor, length: Tensor, slope: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Returns x after a step and the seven slopes; the last is the first of the next step."""
    slopes, end = [slope], x
    for fraction, weights in zip(TIMES, WEIGHTS, strict=True):
        end = x + length[:, None] * _weighted_sum(weights, slopes)
        slopes.append(velocity(end, time + fraction * length))
    return end, slopes


def _weighted_sum(weights: Sequence[float], slopes: Sequence[Tensor]) -> Tensor:
    pairs = zip(weights, slopes, strict=True)
    return torch.stack([weight * slope for weight, slope in pairs if weight != 0]).sum(0)


SOLVERS: dict[str, Solver] = {
    "euler": solve_euler,
    "midpoint": solve_midpoint,
    "adaptive": solve_adaptive,
}
