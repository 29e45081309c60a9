"""The contracts of `conf/metric` and `conf/features`: comparing samples with held-out images.

A metric is a `Metric`, of images, or a `FeatureMetric`, of the features that the choice of
`conf/features` extracts. Values are better the lower they are, unless the metric is
`HigherIsBetter`. Metrics are computed at every evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from genrun.core.noise import Key
from genrun.core.protocols.data import Data
from genrun.core.types import Metrics


class Metric(Protocol):
    """A metric of images; a pure function of its arguments.

    `components/metric/sliced_wasserstein.py` is an example.
    """

    def __call__(self, samples: Tensor, held_out: Tensor, key: Key) -> Tensor | Metrics:
        """Returns a value of shape (), logged under the metric's name, or several by their names.

        Both tensors are (count, channels, height, width) in [0, 1] on the training device, with
        the same count: that of all held-out images, or less (`LimitsSamples`). The key is the same
        at every evaluation, so that changes of a value come from the samples alone. A value `NAME`
        may come with a 95 % interval: `NAME_low`, `NAME_high`. Samples that are not finite must
        give NaN. When a run is built, the metric is called once with a few held-out images in
        place of samples, to find the names of its values.
        """


@runtime_checkable
class LimitsSamples(Protocol):
    """A metric with its own number of samples; None: as many as there are held-out images.

    A `Metric` never gets more samples than there are held-out images, and gets as many of these.
    """

    samples: int | None


@runtime_checkable
class FeatureMetric(Protocol):
    """A metric of features; a pure function of its arguments.

    `components/metric/frechet.py` is an example; it uses the intervals of `_intervals.py`.
    """

    value_names: Sequence[str]  # of all values but the uncertainties that `compare` adds to each
    samples: int  # how many are drawn
    resamples: int  # how many resamples of the samples the intervals are computed from

    def compare(self, samples: Tensor, held_out: Tensor, key: Key) -> Metrics:
        """Returns values by name, each of shape ().

        The features are (samples, features) and (all held-out images, features), float64 on the
        CPU and finite; otherwise genrun logs NaN and does not call. For each `NAME` of
        `value_names` there are `NAME_standard_error` and a 95 % interval, `NAME_low` and
        `NAME_high`.
        """


@runtime_checkable
class HigherIsBetter(Protocol):
    """A metric some of whose values are better the higher they are; no run is judged by these."""

    higher_is_better: Sequence[str]  # the names of these values


@runtime_checkable
class NeedsData(Protocol):
    """A metric that depends on the data, or that checks whether it fits them."""

    def prepare(self, data: Data) -> Metric | FeatureMetric:
        """Returns the metric to use; called once, when a run is built.

        Raises `ConfigError` if the data do not fit the metric.
        """


class Extractor(Protocol):
    """Extracts features from images."""

    description: str  # name, and what values depend on, such as the digest of a network's weights

    def __call__(self, images: Tensor) -> Tensor:
        """Returns features (count, features) of images (count, channels, height, width) in [0, 1].

        It is called with any number of images, without gradients, and processes them in batches
        that fit its memory.
        """


class Features(Protocol):
    """A choice of `conf/features`."""

    def prepare(self, data: Data) -> Extractor:
        """Returns the extractor for the data; called once, if a metric of the run needs features.

        May train a network on `data.all_images()` and keep it in the cache. Raises `ConfigError`
        if the data do not fit.
        """
