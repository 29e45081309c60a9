"""Intervals by the bootstrap over samples (Efron, 1979)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.row_names import HIGH, LOW
from genrun.core.types import Metrics

CONFIDENCE = 0.95


def resampled_counts(key: Key, count: int, resamples: int) -> Tensor:
    """How often each of `count` samples is in each resample: (resamples, count), float64."""
    like = torch.empty(0, dtype=torch.float64)
    drawn = (noise.uniform(key, (resamples, count), like) * count).long()
    ones = torch.ones((), dtype=torch.float64).expand_as(drawn)
    return torch.zeros(resamples, count, dtype=torch.float64).scatter_add_(1, drawn, ones)


def with_interval(
    name: str,
    value: Tensor,
    resampled: Tensor,
    least: float = -math.inf,
    most: float = math.inf,
) -> Metrics:
    """`name`, and its 95 % interval `name_low`, `name_high`, no wider than `least` to `most`.

    The interval is the value plus and minus Student's t times the standard deviation over the
    resamples. Their mean is not used: a resample has fewer different samples, so a value that is
    biased in their number is biased more in the resamples. It says where the value lay with other
    samples of the same number, against the same held-out images; not how far it is from the value
    with infinitely many.
    """
    from scipy.stats import t  # imports in half a second what `genrun --help` does without

    spread = resampled.std() * float(t.ppf((1 + CONFIDENCE) / 2, len(resampled) - 1))
    low, high = (value - spread).clamp(min=least), (value + spread).clamp(max=most)
    return {name: value, name + LOW: low, name + HIGH: high}
