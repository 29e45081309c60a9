"""What data can be asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from torch import Tensor

from genrun.core.types import DataSpec, Modes


class Data(Protocol):
    """Images in memory, on the training device; batch i is a function of (seed, i)."""

    spec: DataSpec
    digest: str  # SHA-256 of the images that were read
    labels_digest: str | None  # SHA-256 of their labels, where there are any
    name: str
    train_count: int
    held_out_count: int
    batch_size: int
    modes: Modes | None  # of data that were drawn from a known mixture

    @property
    def batches_per_epoch(self) -> int: ...

    def batch(self, index: int) -> Tensor:
        """Training batch `index`, float in [0, 1], (batch_size, channels, height, width).

        Of several processes each gets its share of these rows.
        """

    def labels(self, index: int) -> Tensor:
        """The labels of training batch `index`, int64 of shape (batch_size,), where there are."""

    def train_images(self, count: int) -> Tensor:
        """The first `count` training images, in the data's own order."""

    def train_batches(self) -> Iterator[Tensor]:
        """All training images in batches, in the data's own order."""

    def all_images(self) -> tuple[Tensor, Tensor]:
        """All images as they were read, in the data's own order, and their labels.

        What is made of these is the same whatever the seed holds out. The labels are empty where
        there are none.
        """

    def held_out_batches(self) -> Sequence[Tensor]:
        """All held-out images in batches, always in the same order."""

    def held_out_label_batches(self) -> Sequence[Tensor]:
        """The labels of `held_out_batches()`, where there are."""
