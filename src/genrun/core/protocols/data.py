"""The contract of `conf/data`: a source of images, and what the rest of genrun makes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from genrun.core.types import DataSpec, Modes


@dataclass(frozen=True)
class ImageSet:
    """All images of a source, in a fixed order, with the labels it has."""

    name: str  # in messages
    images: NDArray[np.uint8] | NDArray[np.float32]
    """(count, channels, height, width), as uint8 or as float32 in [0, 1]."""

    skipped: int = 0  # files that could not be read and were left out
    labels: NDArray[np.int64] | None = None  # (count,), from 0
    points: bool = False  # points of the plane, see `DataSpec`
    extent: float = 1.0  # of points: what [0, 1] stands for, see `DataSpec`
    modes: Modes | None = None  # of points that were drawn from a known mixture

    @property
    def spec(self) -> DataSpec:
        classes = 0 if self.labels is None else int(self.labels.max()) + 1
        channels, height, width = self.images.shape[1:]
        return DataSpec(
            channels, height, width, classes=classes, points=self.points, extent=self.extent
        )

    def digest(self) -> str:
        """Returns the SHA-256 of the shape and the pixels."""
        hashed = hashlib.sha256(repr(self.images.shape).encode())
        hashed.update(np.ascontiguousarray(self.images).data)
        return hashed.hexdigest()

    def labels_digest(self) -> str | None:
        """Returns the SHA-256 of the labels, None if there are none."""
        if self.labels is None:
            return None
        return hashlib.sha256(np.ascontiguousarray(self.labels).data).hexdigest()


class DataSource(Protocol):
    """Reads or generates a data set; this is all that a choice of `conf/data` has to provide.

    The keys `batch_size`, `held_out` and `test` of its YAML file are not passed to the source:
    genrun splits and batches what `load` returns (`Data`).
    """

    def load(self) -> ImageSet:
        """Returns all images; called once in each process, before training.

        The result must be a function of the source's settings and files alone: a resumed run is
        refused if its digest has changed. Raises `ConfigError` if the settings are wrong,
        `InputMissing` if a file does not exist, `DataDamaged` if one cannot be what it should be.
        """


class Data(Protocol):
    """The batches of a run, in memory on the training device. Implemented by genrun.

    Images are float tensors (batch, channels, height, width) in [0, 1]. The training and the
    held-out images are disjoint, and batch i is a function of (seed, i). When several processes
    train, each gets its own rows of every training batch.
    """

    spec: DataSpec
    digest: str  # SHA-256 of all images
    labels_digest: str | None  # SHA-256 of their labels, None if there are none
    name: str
    train_count: int
    held_out_count: int
    batch_size: int  # over all processes
    modes: Modes | None  # of points that were drawn from a known mixture

    @property
    def batches_per_epoch(self) -> int: ...

    def batch(self, index: int) -> Tensor:
        """Returns training batch `index`, (batch_size, channels, height, width)."""

    def labels(self, index: int) -> Tensor:
        """Returns the labels of training batch `index`, int64 of shape (batch_size,).

        Must be called only if `spec.classes` is not 0.
        """

    def train_images(self, count: int) -> Tensor:
        """Returns the first `count` training images, in the data's own order."""

    def train_batches(self) -> Iterator[Tensor]:
        """Yields all training images, in the data's own order."""

    def all_images(self) -> tuple[Tensor, Tensor]:
        """Returns all images as they were loaded, in the data's own order, and their labels.

        The result does not depend on the seed. The labels are empty if there are none.
        """

    def held_out_batches(self) -> Sequence[Tensor]:
        """Returns all held-out images in batches, always in the same order."""

    def held_out_label_batches(self) -> Sequence[Tensor]:
        """Returns the labels of `held_out_batches()`, if there are labels."""
