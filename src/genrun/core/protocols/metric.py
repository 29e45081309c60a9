"""What metrics of samples can do, and the features that they compare images in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from genrun.core.noise import Key
from genrun.core.protocols.data import Data
from genrun.core.types import Metrics


class Metric(Protocol):
    """What samples and held-out images are compared by; lower is better unless it says so."""

    def __call__(self, samples: Tensor, held_out: Tensor, key: Key) -> Tensor | Metrics:
        """One value of shape (), reported under the metric's own name, or several by their names.

        They are as many as each other: all held-out images, or fewer of them (`LimitsSamples`).
        A value `NAME` may have the bounds of a 95 % interval beside it: `NAME_low`, `NAME_high`.
        """


@runtime_checkable
class LimitsSamples(Protocol):
    """A metric for which so many samples are drawn; None: as many as there are held-out images.

    One of images compares them with as many held-out ones, and never takes more than there are.
    """

    samples: int | None


@runtime_checkable
class FeatureMetric(Protocol):
    """A metric of features of images instead of images."""

    value_names: Sequence[str]  # the names of what it measures, without those of the intervals
    samples: int  # that are drawn for it
    resamples: int  # of the samples, from which its intervals come

    def compare(self, samples: Tensor, held_out: Tensor, key: Key) -> Metrics:
        """Values by name, of features (count, features) in float64 on the CPU.

        Beside each value `NAME` its `NAME_standard_error`, and the bounds of its 95 % interval,
        `NAME_low` and `NAME_high`.
        """


@runtime_checkable
class HigherIsBetter(Protocol):
    """A metric some of whose values are the better the higher they are."""

    higher_is_better: Sequence[str]  # the names of these values


class Extractor(Protocol):
    """Makes features of images, in which metrics compare them."""

    description: str  # its name, and whatever a figure depends on: a network's digest, accuracy

    def __call__(self, images: Tensor) -> Tensor:
        """(count, channels, height, width) in [0, 1] to (count, features)."""


class Features(Protocol):
    """A kind of features."""

    def prepare(self, data: Data) -> Extractor:
        """The extractor for these data. Raises `ConfigError` where there can be none."""


@runtime_checkable
class NeedsData(Protocol):
    """A metric that learns about the data once, when a run is built."""

    def prepare(self, data: Data) -> Metric:
        """The metric to measure with. Raises `ConfigError` where it does not suit the data."""
