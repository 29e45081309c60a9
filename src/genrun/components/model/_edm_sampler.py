"""EDM's sampler (Karras et al., 2206.00364): Heun's method, with or without added noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.core import noise
from genrun.core.noise import Key

Denoise = Callable[[Tensor, Tensor], Tensor]
"""The expected clean images, of noisy ones and their noise's standard deviation, (batch,)."""


@dataclass(frozen=True)
class Churn:
    """How much noise is added on the way, algorithm 2's S_churn, S_tmin, S_tmax and S_noise."""

    amount: float  # 0: none, which is algorithm 1
    lowest: float
    highest: float
    deviation: float


def noise_deviations(
    lowest: float, highest: float, exponent: float, steps: int
) -> Sequence[float]:
    """Equation 5: `steps` standard deviations from highest to lowest, and 0."""
    first, last = highest ** (1 / exponent), lowest ** (1 / exponent)
    shares = [step / max(steps - 1, 1) for step in range(steps)]
    return [*((first + share * (last - first)) ** exponent for share in shares), 0.0]


def heun(
    denoise: Denoise, images: Tensor, deviations: Sequence[float], churn: Churn, key: Key
) -> Tensor:
    """Algorithm 2: from images of noise `deviations[0]` to those of the last, usually 0.

    Two passes of the network a step, and one for a step to 0.
    """
    steps = len(deviations) - 1
    largest = min(churn.amount / steps, math.sqrt(2) - 1)
    for index in range(steps):
        now, following = deviations[index], deviations[index + 1]
        if churn.lowest <= now <= churn.highest and largest > 0:
            raised = now * (1 + largest)
            drawn = noise.normal(key.fold(index), images.shape, like=images)
            images = images + math.sqrt(raised**2 - now**2) * churn.deviation * drawn
            now = raised
        slope = _slope(denoise, images, now)
        reached = images + (following - now) * slope
        if following > 0:
            slope = 0.5 * (slope + _slope(denoise, reached, following))
            reached = images + (following - now) * slope
        images = reached
    return images


def _slope(denoise: Denoise, images: Tensor, deviation: float) -> Tensor:
    """Equation 3 with sigma(t) = t."""
    clean = denoise(images, torch.full_like(images[:, 0, 0, 0], deviation))
    return (images - clean) / deviation
