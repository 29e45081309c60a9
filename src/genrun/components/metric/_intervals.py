"""Intervals of metrics over samples, by the bootstrap (Efron, 1979) and the jackknife."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.log_names import HIGH, LOW, STANDARD_ERROR
from genrun.core.noise import Key
from genrun.core.types import Metrics

CONFIDENCE = 0.95


def check_enough_images(metric: str, samples: int, held_out: int, least: int) -> None:
    """Raises `ConfigError` if there are fewer than `least` samples or held-out images."""
    for key, count in ((f"metric.{metric}.samples", samples), ("data.held_out", held_out)):
        if count < least:
            raise ConfigError(f"{key}={count}: must be at least {least} for metric={metric}")


def draw_resamples(key: Key, count: int, resamples: int) -> Tensor:
    """Returns how often each sample is in each resample: (resamples, count), float64."""
    like = torch.empty(0, dtype=torch.float64)
    drawn = (noise.uniform(key, (resamples, count), like) * count).long()
    ones = torch.ones((), dtype=torch.float64).expand_as(drawn)
    return torch.zeros(resamples, count, dtype=torch.float64).scatter_add_(1, drawn, ones)


def with_bootstrap_interval(
    name: str,
    value: Tensor,
    resampled: Tensor,
    least: float = -math.inf,
    most: float = math.inf,
) -> Metrics:
    """Returns the value, its standard error, and its 95 % interval, clipped to [least, most].

    The standard error is the standard deviation of `resampled`, (resamples,), and the interval is
    the value plus or minus Student's t times that. The mean of `resampled` is not used: a resample
    has fewer distinct samples, so a value that is biased in their number is biased more in the
    resamples. The interval covers the value with other samples of the same number and the same
    held-out images, not the value with infinitely many samples.
    """
    return _with_interval(name, value, resampled.std(), len(resampled) - 1, least, most)


def coverage_with_jackknife_interval(name: str, covered: Tensor, sole_counts: Tensor) -> Metrics:
    """Returns the share of held-out images that are covered, with its 95 % jackknife interval.

    `covered`, (held-out,), is boolean; `sole_counts`, (samples,), counts the images that each
    sample alone covers, which are lost without it. A bootstrap interval would be too narrow: an
    image that no sample covers is covered in no resample. The jackknife's variance is, on average,
    no less than the true one (Efron and Stein, 1981).
    """
    lost = sole_counts / len(covered)
    count = len(lost)
    variance = (lost - lost.mean()).square().sum() * (count - 1) / count
    return _with_interval(
        name, covered.mean(dtype=lost.dtype), variance.sqrt(), count - 1, 0.0, 1.0
    )


def _with_interval(
    name: str, value: Tensor, deviation: Tensor, degrees: int, least: float, most: float
) -> Metrics:
    from scipy.stats import t  # takes half a second to import

    half = deviation * float(t.ppf((1 + CONFIDENCE) / 2, degrees))
    low, high = (value - half).clamp(min=least), (value + half).clamp(max=most)
    return {name: value, name + STANDARD_ERROR: deviation, name + LOW: low, name + HIGH: high}
