"""Intervals over samples, by the bootstrap (Efron, 1979) and the jackknife."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.log_names import HIGH, LOW, STANDARD_ERROR
from genrun.core.noise import Key
from genrun.core.types import Metrics


# MERGED: Whether there are images enough to compare.
def check_enough_images(metric: str, samples: int, held_out: int, least: int) -> None:
    """Raises `ConfigError` where there are fewer than `least` of either."""
    for key, count in ((f"metric.{metric}.samples", samples), ("data.held_out", held_out)):
        if count < least:
            raise ConfigError(f"{key}={count}: metric={metric} needs at least {least} images")


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
    """`name`, its standard error, and a 95 % interval of Student's t times that.

    The standard error is the standard deviation over resamples.

    Their mean is not used: a resample has fewer different samples, so a value that is biased in
    their number is biased more in the resamples. The interval says where the value lay with other
    samples of the same number, against the same held-out images; not how far it is from the value
    with infinitely many.
    """
    return _bounded(name, value, resampled.std(), len(resampled) - 1, least, most)


def share_with_interval(name: str, covered: Tensor, alone: Tensor) -> Metrics:
    """The share of held-out images that a sample covers, and its 95 % interval by the jackknife.

    `covered` (held-out,) is boolean; `alone` (samples,) is how many of these each sample covers
    alone, which are lost without it. The bootstrap would be too narrow: an image that no sample
    covers is covered in no resample. The jackknife's variance is, on average, no less than the
    true one (Efron and Stein, 1981).
    """
    lost = alone / len(covered)
    count = len(lost)
    variance = (lost - lost.mean()).square().sum() * (count - 1) / count
    return _bounded(name, covered.mean(dtype=lost.dtype), variance.sqrt(), count - 1, 0.0, 1.0)


def _bounded(
    name: str, value: Tensor, deviation: Tensor, degrees: int, least: float, most: float
) -> Metrics:
    from scipy.stats import t  # imports in half a second what `genrun --help` does without

    half = deviation * float(t.ppf((1 + CONFIDENCE) / 2, degrees))
    low, high = (value - half).clamp(min=least), (value + half).clamp(max=most)
    return {name: value, name + STANDARD_ERROR: deviation, name + LOW: low, name + HIGH: high}
