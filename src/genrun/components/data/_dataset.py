"""Batches of a data set in memory: the split, and the order of training."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genrun.core.errors import ConfigError
from genrun.core.noise import fold_in
from genrun.core.protocols.data import ImageSet
from genrun.core.types import BatchShard

HELD_OUT_BATCH = 500
TEST_SEED = 20260  # of the test split: not the run's seed, or tuning would see test images


class Batches:
    """The `Data` of an `ImageSet`, on the device in the dtype in which it was read.

    The `test` images are a random subset that does not depend on the seed; the held-out images
    are a random subset of the others that does. Batch `i` is a function of (seed, i): each epoch
    has its own permutation, and images that do not fill its last batch are left out of it. With a
    `shard`, a batch holds that shard's rows only.
    """

    def __init__(
        self,
        source: ImageSet,
        held_out: int,
        batch_size: int,
        seed: int,
        device: torch.device,
        shard: BatchShard | None = None,
        test: int = 0,
    ) -> None:
        count = len(source.images)
        _check_counts(source.name, count, held_out, batch_size, test)
        self.name = source.name
        self.spec = source.spec
        self.digest = source.digest()
        self.labels_digest = source.labels_digest()
        self.skipped = source.skipped
        self.modes = source.modes
        self.train_count = count - held_out - test
        self.held_out_count = held_out
        self.batch_size = batch_size
        self._shard = shard or BatchShard(index=0, count=1, rows=batch_size)
        self._seed = seed
        images = torch.from_numpy(source.images)
        test_rows, rest = _split(torch.arange(count), test, fold_in(TEST_SEED, "test"))
        held_out_rows, train_rows = _split(rest, held_out, fold_in(seed, "split"))
        self._own_order = torch.cat((train_rows, held_out_rows, test_rows)).argsort()
        self._held_out = images[held_out_rows].to(device)
        self._train = images[train_rows].to(device)
        self._test = images[test_rows]  # stays on the CPU: training does not need it
        labels = torch.empty(0) if source.labels is None else torch.from_numpy(source.labels)
        self._held_out_labels = labels[held_out_rows if len(labels) else []].to(device)
        self._train_labels = labels[train_rows if len(labels) else []].to(device)
        self._test_labels = labels[test_rows if len(labels) else []]
        self._epoch = -1
        self._order = torch.empty(0)

    @property
    def batches_per_epoch(self) -> int:
        return self.train_count // self.batch_size

    def batch(self, index: int) -> Tensor:
        return _to_float(self._train.index_select(0, self._rows(index)))

    def labels(self, index: int) -> Tensor:
        return self._train_labels.index_select(0, self._rows(index))

    def _rows(self, index: int) -> Tensor:
        epoch, position = divmod(index, self.batches_per_epoch)
        if epoch != self._epoch:
            order = _permutation(self.train_count, fold_in(self._seed, "order", epoch))
            self._order, self._epoch = order.to(self._train.device), epoch
        first = position * self.batch_size + self._shard.index * self._shard.rows
        return self._order[first : first + self._shard.rows]

    def train_images(self, count: int) -> Tensor:
        return _to_float(self._train[:count])

    def train_batches(self) -> Iterator[Tensor]:
        return (_to_float(part) for part in torch.split(self._train, HELD_OUT_BATCH))

    def all_images(self) -> tuple[Tensor, Tensor]:
        images = torch.cat((self._train.cpu(), self._held_out.cpu(), self._test))[self._own_order]
        labels = torch.cat(
            (self._train_labels.cpu(), self._held_out_labels.cpu(), self._test_labels)
        )
        return images, labels[self._own_order] if len(labels) else labels

    @property
    def test_count(self) -> int:
        return len(self._test)

    def with_test_images(self) -> Batches:
        """Returns the same data with the test images in place of the held-out ones.

        Raises `ConfigError` if there are none.
        """
        if not self.test_count:
            raise ConfigError("data.test=0: there are no test images; give data.test=N")
        other, device = copy.copy(self), self._train.device
        other.held_out_count = self.test_count
        other._held_out, other._test = self._test.to(device), self._held_out.cpu()
        other._held_out_labels = self._test_labels.to(device)
        other._test_labels = self._held_out_labels.cpu()
        parts = [self.train_count, self.held_out_count, self.test_count]
        train, held_out, test = torch.split(self._own_order.argsort(), parts)
        other._own_order = torch.cat((train, test, held_out)).argsort()
        return other

    def held_out_batches(self) -> Sequence[Tensor]:
        return [_to_float(part) for part in torch.split(self._held_out, HELD_OUT_BATCH)]

    def held_out_label_batches(self) -> Sequence[Tensor]:
        return torch.split(self._held_out_labels, HELD_OUT_BATCH)


def check_loaded(source: str, loaded: Any) -> None:
    """Raises `ConfigError` unless `loaded`, from the class `source`, is what `ImageSet` says."""
    returned = f"data: {source}.load returned"
    if not isinstance(loaded, ImageSet):
        raise ConfigError(f"{returned} {_describe(loaded)}; must be an ImageSet")
    images, labels = loaded.images, loaded.labels
    wanted = "must be (count, channels, height, width), uint8 or float32 in [0, 1]"
    fits = isinstance(images, np.ndarray) and images.dtype in (np.uint8, np.float32)
    if not fits or images.ndim != 4 or not images.size:
        raise ConfigError(f"{returned} images of {_describe(images)}; {wanted}")
    low, high = images.min(), images.max()
    if images.dtype == np.float32 and not (low >= 0 and high <= 1):  # also if they are NaN
        raise ConfigError(f"{returned} images with values from {low:g} to {high:g}; {wanted}")
    if labels is None:
        return
    count = len(images)
    fits = isinstance(labels, np.ndarray) and labels.dtype == np.int64
    if not fits or labels.shape != (count,):
        raise ConfigError(
            f"{returned} labels of {_describe(labels)}; must be ({count},), int64, one an image"
        )
    if labels.min() < 0:
        raise ConfigError(f"{returned} the label {labels.min()}; must be at least 0")


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"shape {value.shape} and dtype {value.dtype}"
    return f"type {type(value).__name__}"


def _check_counts(name: str, count: int, held_out: int, batch_size: int, test: int) -> None:
    """Raises `ConfigError` if there are too few images for the three parts."""
    reserved = f", of which {test} are test images" if test else ""
    if not 0 <= test < count - 1:
        raise ConfigError(
            f"data.test={test}: must be from 0 to {count - 2}, as {name} has {count} images"
        )
    if not 1 <= held_out < count - test:
        raise ConfigError(
            f"data.held_out={held_out}: must be from 1 to {count - test - 1}, "
            f"as {name} has {count} images{reserved}"
        )
    if batch_size > count - test - held_out:
        raise ConfigError(
            f"data.batch_size={batch_size}: must be at most {count - test - held_out}, as "
            f"{name} has {count} images, of which {held_out} are held out and {test} for the test"
        )


def _split(rows: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns `count` random rows, and the others, both sorted into the data's own order."""
    order = rows[_permutation(len(rows), seed)]
    return order[:count].sort().values, order[count:].sort().values


def _permutation(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed & ((1 << 63) - 1))
    return torch.randperm(count, generator=generator)


def _to_float(images: Tensor) -> Tensor:
    if images.dtype == torch.uint8:
        return images.to(torch.get_default_dtype()).div_(255)
    return images.to(torch.get_default_dtype())
