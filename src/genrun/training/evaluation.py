"""Held-out metrics and sample grids, always from the same noise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from genrun.core.noise import Key
from genrun.core.protocols import (
    Calibrates,
    Conditional,
    Data,
    Model,
    Reconstructs,
)
from genrun.training.comparison import Comparison
from genrun.training.step import given

CALIBRATION_IMAGES = 512
SAMPLE_CHUNK = 500
SPREAD = "sample_spread"
PAIRED = 256  # images whose distances from each other are measured


@contextmanager
def evaluating(nets: nn.ModuleDict) -> Iterator[None]:
    """Evaluation mode without gradients; restores the networks' mode."""
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
            model.sample(nets, min(SAMPLE_CHUNK, count - start), Key.of(seed, "sample", start))
            for start in starts
        ]
    return torch.cat(parts)


def mean_distance(images: Tensor) -> float:
    """The mean Euclidean distance between two of the images (count, ...), of at most 256.

    They are taken evenly over the whole count, as data may lie in the order of its classes.
    """
    chosen = images[:: max(1, len(images) // PAIRED)][:PAIRED].flatten(1)
    if len(chosen) < 2:
        return 0.0
    centred = chosen - chosen.mean(0)  # or near images' distances would drown in rounding
    return float(torch.cdist(centred, centred).sum()) / (len(chosen) * (len(chosen) - 1))


class Evaluation:
    """Evaluates one set of networks on the held-out images.

    The noise is the same at every evaluation, so that two evaluations differ by the networks
    alone.
    """

    def __init__(
        self,
        model: Model,
        nets: nn.ModuleDict,
        data: Data,
        comparison: Comparison,
        seed: int,
        grid: int,
    ) -> None:
        self.model = model
        self.nets = nets
        self.data = data
        self.comparison = comparison
        self.seed = seed
        self.grid = grid

    def names(self) -> list[str]:
        """The names that `evaluate` gives, found by evaluating two images."""
        with evaluating(self.nets):
            images, labels = self._held_out()[0]
            model = given(self.model, None if labels is None else labels[:2])
            own = model.evaluate(self.nets, images[:2], Key.of(self.seed, "names"))
            compared = self.comparison.names()
        return [*own, *compared, *([SPREAD] if compared else [])]

    def evaluate(self) -> dict[str, float]:
        """Every held-out metric by name.

        Where samples are drawn for a metric, `sample_spread` is their mean pairwise distance as a
        share of the held-out images': near 0 they are all the same, near 1 as varied as the data.
        """
        held_out = self._held_out()
        with evaluating(self.nets):
            self._calibrate()
            per_image = [
                given(self.model, labels).evaluate(
                    self.nets, images, Key.of(self.seed, "evaluate", index)
                )
                for index, (images, labels) in enumerate(held_out)
            ]
            values = {
                name: float(torch.cat([part[name] for part in per_image]).mean(0).max())
                for name in per_image[0]
            }
            if self.comparison.metrics:
                samples = sample(self.model, self.nets, self.comparison.draws, self.seed)
                values |= self.comparison.measure(samples)
                images = torch.cat([part for part, _ in held_out])
                real = mean_distance(images)
                made = mean_distance(samples[: len(images)])
                values[SPREAD] = made / real if real else 1.0
        return values

    def pictures(self) -> dict[str, Tensor]:
        """Images to look at: samples from fixed noise, and reconstructions in pairs."""
        with evaluating(self.nets):
            self._calibrate()
            pictures = {"": sample(self.model, self.nets, self.grid, self.seed)}
            if isinstance(self.model, Reconstructs):
                images = self.data.held_out()[0][: self.grid // 2]
                made = self.model.reconstruct(self.nets, images)
                pictures["-reconstructions"] = torch.stack([images, made], 1).flatten(0, 1)
        return pictures

    def _held_out(self) -> list[tuple[Tensor, Tensor | None]]:
        """Held-out images in batches, with their labels for a model that asks for them."""
        images = self.data.held_out()
        if not isinstance(self.model, Conditional):
            return [(part, None) for part in images]
        return list(zip(images, self.data.held_out_labels(), strict=True))

    def _calibrate(self) -> None:
        if isinstance(self.model, Calibrates):
            self.model.calibrate(self.nets, self.data.train_images(CALIBRATION_IMAGES))
