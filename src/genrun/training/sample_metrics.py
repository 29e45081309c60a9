"""Every metric of samples against held-out images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genrun.core.log_names import INTERVAL
from genrun.core.noise import Key
from genrun.core.protocols.data import Data
from genrun.core.protocols.metric import (
    Extractor,
    FeatureMetric,
    HigherIsBetter,
    LimitsSamples,
    Metric,
)

PROBED = 64  # held-out images compared with themselves to find the names of a metric's values


class SampleMetrics:
    """Measures samples by every metric.

    The features of the held-out images are computed once, at the first measurement. `extractor`
    is None if no metric needs features.
    """

    def __init__(
        self,
        metrics: Mapping[str, Metric | FeatureMetric],
        extractor: Extractor | None,
        data: Data,
        seed: int,
    ) -> None:
        self.metrics = metrics
        self.extractor = extractor
        self._data = data
        self._seed = seed
        self._real: Tensor | None = None  # of the held-out images

    @property
    def features(self) -> str | None:
        """The description of the features; None if no metric needs any."""
        return None if self.extractor is None else self.extractor.description

    @property
    def sample_count(self) -> int:
        """How many samples must be drawn; every metric uses the first of the same samples."""
        return max((self._sample_count_of(metric) for metric in self.metrics.values()), default=0)

    def value_names(self) -> dict[str, str]:
        """The names of the values that `measure` returns, each with its metric's name."""
        owners: dict[str, str] = {}
        for name, metric in self.metrics.items():
            if isinstance(metric, FeatureMetric):
                values = [value + end for value in metric.value_names for end in ("", *INTERVAL)]
            else:
                images = self._data.held_out_batches()[0][:PROBED]
                values = list(_named(name, metric(images, images, self._key(name))))
            owners |= dict.fromkeys(values, name)
        return owners

    def higher_is_better(self) -> set[str]:
        """The names of values of which higher is better, which cannot be monitored."""
        return {
            value
            for metric in self.metrics.values()
            if isinstance(metric, HigherIsBetter)
            for value in metric.higher_is_better
        }

    def measure(self, samples: Tensor) -> dict[str, float]:
        """Returns every metric of the samples; NaN if a sample's features are not finite.

        There should be `sample_count` of them. With fewer, a metric of features uses what there
        is, and a metric of images, which may need as many as are held out, is left out.
        """
        held_out = torch.cat(list(self._data.held_out_batches()))
        features = self._features_of_samples(samples)
        values: dict[str, float] = {}
        for name, metric in self.metrics.items():
            key = self._key(name)
            if not isinstance(metric, FeatureMetric):
                count = self._sample_count_of(metric)
                if len(samples) < count:
                    continue
                found = _named(name, metric(samples[:count], _evenly(held_out, count), key))
            elif features is None:
                found = dict.fromkeys(metric.value_names, torch.tensor(math.nan))
            else:
                found = metric.compare(features[: metric.samples], self._held_out_features(), key)
            values |= {name: float(value) for name, value in found.items()}
        return values

    def describe(self) -> dict[str, Any]:
        """What is needed to compare the values with those of other runs: JSON's types only."""
        return {
            "features": self.features,
            "metrics": {
                name: {
                    "samples": self._sample_count_of(metric),
                    "held_out": self._data.held_out_count,
                    "features": isinstance(metric, FeatureMetric),
                }
                for name, metric in self.metrics.items()
            },
        }

    def extract_features(self, images: Tensor) -> Tensor:
        """Features (count, features) in float64 on the CPU, where all metrics are computed."""
        assert self.extractor is not None
        with torch.no_grad():
            return self.extractor(images).cpu().double()

    def _features_of_samples(self, samples: Tensor) -> Tensor | None:
        """None if a value is not finite, since no metric can be computed then."""
        counts = [m.samples for m in self.metrics.values() if isinstance(m, FeatureMetric)]
        if not counts:
            return None
        features = self.extract_features(samples[: max(counts)])
        return features if bool(features.isfinite().all()) else None

    def _held_out_features(self) -> Tensor:
        if self._real is None:
            self._real = torch.cat(
                [self.extract_features(part) for part in self._data.held_out_batches()]
            )
        return self._real

    def _sample_count_of(self, metric: Metric | FeatureMetric) -> int:
        held_out = self._data.held_out_count
        own = metric.samples if isinstance(metric, LimitsSamples) else None
        if own is None or isinstance(metric, FeatureMetric):
            return own or held_out
        return min(own, held_out)

    def _key(self, name: str) -> Key:
        return Key.from_seed(self._seed, "metric", name)


def _evenly(images: Tensor, count: int) -> Tensor:
    """`count` images taken evenly from all of them, which may be ordered by class."""
    if count == len(images):
        return images
    return images[torch.arange(count, device=images.device) * len(images) // count]


def _named(name: str, found: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: found} if isinstance(found, Tensor) else found
