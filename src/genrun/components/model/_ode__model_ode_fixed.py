"""Solvers with steps of one length."""

from __future__ import annotations

from torch import Tensor

from genrun.components.model._ode__model_ode_form import Precision, Velocity


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
