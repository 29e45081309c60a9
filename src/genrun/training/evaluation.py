"""Held-out metrics and pictures of samples, always from the same noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from genrun.core.log_names import STANDARD_ERROR
from genrun.core.noise import Key
from genrun.core.protocols.data import Data
from genrun.core.protocols.model import Calibrates, Conditional, Model, Reconstructs
from genrun.core.types import Picture
from genrun.training.loss import condition_on
from genrun.training.sample_metrics import SampleMetrics

CALIBRATION_IMAGES = 512
SAMPLE_CHUNK = 500
SPREAD = "sample_spread"
PAIRED = 256  # images whose pairwise distances are measured


@contextmanager
def evaluating(nets: nn.ModuleDict) -> Iterator[None]:
    """While open, the networks are in evaluation mode without gradients."""
    training = nets.training
    nets.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        nets.train(training)


def sample(model: Model, nets: nn.ModuleDict, count: int, seed: int) -> Tensor:
    """Images (count, channels, height, width) in [0, 1], a function of the seed."""
    with evaluating(nets):
        starts = range(0, count, SAMPLE_CHUNK)
        parts = [
            model.sample(
                nets, min(SAMPLE_CHUNK, count - start), Key.from_seed(seed, "sample", start)
            )
            for start in starts
        ]
    return torch.cat(parts)


def mean_distance(images: Tensor) -> float:
    """The mean pairwise Euclidean distance of the images (count, ...), of at most 256 of them.

    They are taken evenly over the whole count, since data may be ordered by class.
    """
    chosen = images[:: max(1, len(images) // PAIRED)][:PAIRED].flatten(1)
    if len(chosen) < 2:
        return 0.0
    centred = chosen - chosen.mean(0)  # or distances of near images would be lost in rounding
    return float(torch.cdist(centred, centred).sum()) / (len(chosen) * (len(chosen) - 1))


def over_images(name: str, values: Tensor) -> dict[str, float]:
    """The mean over images of values (count,), and its standard error; for (count, n) the largest
    of the n means.

    The standard error is s / sqrt(count): the uncertainty that comes from the choice of held-out
    images. The largest of several means has none, nor has a single image.
    """
    means = {name: float(values.mean(0).max())}
    if values.dim() > 1 or len(values) < 2:
        return means
    deviation = float(values.cpu().double().std())
    return {**means, name + STANDARD_ERROR: deviation / math.sqrt(len(values))}


class Evaluation:
    """Evaluates one set of networks on the held-out images.

    The noise is the same at every evaluation, so two evaluations differ by the networks alone.
    """

    def __init__(
        self,
        model: Model,
        nets: nn.ModuleDict,
        data: Data,
        sample_metrics: SampleMetrics,
        seed: int,
        picture_images: int,
    ) -> None:
        self.model = model
        self.nets = nets
        self.data = data
        self.sample_metrics = sample_metrics
        self.seed = seed
        self.picture_images = picture_images  # how many a picture shows

    def value_names(self) -> list[str]:
        """The names that `evaluate` returns, found by evaluating two images."""
        with evaluating(self.nets):
            images, labels = self._held_out()[0]
            model = condition_on(self.model, None if labels is None else labels[:2])
            per_image = model.evaluate(self.nets, images[:2], Key.from_seed(self.seed, "names"))
            from_samples = self.sample_metrics.value_names()
        from_model = [n for name, values in per_image.items() for n in over_images(name, values)]
        return [*from_model, *from_samples, *([SPREAD] if from_samples else [])]

    def evaluate(self) -> dict[str, float]:
        """Returns every held-out metric by name.

        If samples are drawn for a metric, `sample_spread` is their mean pairwise distance divided
        by that of the held-out images: near 0 all are the same, near 1 they vary as the data do.
        """
        held_out = self._held_out()
        with evaluating(self.nets):
            self._calibrate()
            per_image = [
                condition_on(self.model, labels).evaluate(
                    self.nets, images, Key.from_seed(self.seed, "evaluate", index)
                )
                for index, (images, labels) in enumerate(held_out)
            ]
            values: dict[str, float] = {}
            for name in per_image[0]:
                values |= over_images(name, torch.cat([part[name] for part in per_image]))
            if self.sample_metrics.metrics:
                samples = sample(
                    self.model, self.nets, self.sample_metrics.sample_count, self.seed
                )
                values |= self.sample_metrics.measure(samples)
                images = torch.cat([part for part, _ in held_out])
                real = mean_distance(images)
                drawn = mean_distance(samples[: len(images)])
                values[SPREAD] = drawn / real if real else 1.0
        return values

    def pictures(self) -> dict[str, Picture]:
        """Samples from fixed noise, and reconstructions next to their originals.

        Points are drawn over held-out points, and over the originals.
        """
        spec = self.data.spec
        with evaluating(self.nets):
            self._calibrate()
            behind = (
                torch.cat(list(self.data.held_out_batches()))[: self.picture_images]
                if spec.points
                else None
            )
            samples = sample(self.model, self.nets, self.picture_images, self.seed)
            pictures = {"": Picture(samples, spec, behind)}
            if isinstance(self.model, Reconstructs):
                images = self.data.held_out_batches()[0][: self.picture_images // 2]
                reconstructed = self.model.reconstruct(self.nets, images)
                pairs = torch.stack([images, reconstructed], 1).flatten(0, 1)
                pictures["-reconstructions"] = (
                    Picture(reconstructed, spec, images, pairs=True)
                    if spec.points
                    else Picture(pairs, spec)
                )
        return pictures

    def _held_out(self) -> list[tuple[Tensor, Tensor | None]]:
        """Held-out images in batches, with their labels if the model is conditional."""
        images = self.data.held_out_batches()
        if not isinstance(self.model, Conditional):
            return [(part, None) for part in images]
        return list(zip(images, self.data.held_out_label_batches(), strict=True))

    def _calibrate(self) -> None:
        if isinstance(self.model, Calibrates):
            self.model.calibrate(self.nets, self.data.train_images(CALIBRATION_IMAGES))
