"""EDM's sampler (Karras et al., 2206.00364): Heun's method, deterministic or stochastic."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.core import noise
from genrun.core.noise import Key

Denoise = Callable[[Tensor, Tensor], Tensor]
"""From noisy images and the deviation of their noise, (batch,), to the expected clean images."""


@dataclass(frozen=True)
class Churn:
    """The noise added while sampling: S_churn, S_tmin, S_tmax and S_noise of algorithm 2."""

    amount: float  # 0: no noise, which is algorithm 1
    lowest: float
    highest: float
    deviation: float


def noise_schedule(lowest: float, highest: float, exponent: float, steps: int) -> Sequence[float]:
    """Returns `steps` standard deviations from `highest` to `lowest`, and 0 (equation 5)."""
    first, last = highest ** (1 / exponent), lowest ** (1 / exponent)
    fractions = [step / max(steps - 1, 1) for step in range(steps)]
    return [*((first + fraction * (last - first)) ** exponent for fraction in fractions), 0.0]


def sample_heun(
    denoise: Denoise, images: Tensor, deviations: Sequence[float], churn: Churn, key: Key
) -> Tensor:
    """Returns images with noise of the last deviation, usually 0 (algorithm 2).

    `images`, (batch, channels, height, width), have noise of deviation `deviations[0]`. Costs two
    passes of the network a step, and one for a step to 0.
    """
    steps = len(deviations) - 1
    largest = min(churn.amount / steps, math.sqrt(2) - 1)
    for index in range(steps):
        now, target = deviations[index], deviations[index + 1]
        if churn.lowest <= now <= churn.highest and largest > 0:
            raised = now * (1 + largest)
            drawn = noise.normal(key.fold(index), images.shape, like=images)
            images = images + math.sqrt(raised**2 - now**2) * churn.deviation * drawn
            now = raised
        slope = _slope(denoise, images, now)
        reached = images + (target - now) * slope
        if target > 0:
            slope = 0.5 * (slope + _slope(denoise, reached, target))
            reached = images + (target - now) * slope
        images = reached
    return images


def _slope(denoise: Denoise, images: Tensor, deviation: float) -> Tensor:
    """Returns dx/dt, of the images' shape (equation 3 with sigma(t) = t)."""
    clean = denoise(images, torch.full_like(images[:, 0, 0, 0], deviation))
    return (images - clean) / deviation
