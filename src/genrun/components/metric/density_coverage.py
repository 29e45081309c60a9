"""Density and coverage (Naeem et al., 2002.09797)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.metric._intervals import (
    check_enough_images,
    resampled_counts,
    share_with_interval,
    with_interval,
)
from genrun.components.metric._neighbours import (
    ROWS,
    Coverage,
    squared_distances,
    squared_radii,
)
from genrun.core.noise import Key
from genrun.core.protocols.data import Data
from genrun.core.types import Metrics


@dataclass(frozen=True)
class DensityCoverage:
    """Density: in how many held-out images' balls a sample is, over `neighbours` (equation 3).

    Coverage: the share of held-out images whose ball has a sample in it (equation 4). A ball
    reaches to the image's `neighbours`th nearest held-out one. Density can be over 1.
    """

    samples: int
    resamples: int
    neighbours: int
    value_names = higher_is_better = ("density", "coverage")

    def prepare(self, data: Data) -> DensityCoverage:
        check_enough_images(
            "density_coverage", self.samples, data.held_out_count, self.neighbours + 1
        )
        return self

    def compare(self, samples: Tensor, held_out: Tensor, key: Key) -> Metrics:
        radii = torch.split(squared_radii(held_out, self.neighbours), ROWS)
        balls = torch.zeros(len(samples), dtype=samples.dtype)
        coverage = Coverage(len(samples))
        for distances, own in zip(squared_distances(held_out, samples), radii, strict=True):
            inside = distances <= own.unsqueeze(1)
            balls += inside.sum(0)
            coverage.add(inside)
        density = balls / self.neighbours
        resampled = resampled_counts(key, len(samples), self.resamples) @ density / len(samples)
        return {
            **with_interval("density", density.mean(), resampled, least=0),
            **share_with_interval("coverage", coverage.covered, coverage.alone),
        }
