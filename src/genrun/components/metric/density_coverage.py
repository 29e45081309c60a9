"""Density and coverage (Naeem et al., 2002.09797)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.metric._intervals import (
    check_enough_images,
    coverage_with_jackknife_interval,
    draw_resamples,
    with_bootstrap_interval,
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
    """Density (equation 3) and coverage (equation 4) of balls around held-out images.

    Density is the number of balls that a sample is in, divided by `neighbours`, averaged over
    samples; it can exceed 1. Coverage is the share of balls with a sample in them. A ball reaches
    to the k-th nearest held-out image, k = `neighbours`.
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
        ball_counts = torch.zeros(len(samples), dtype=samples.dtype)
        coverage = Coverage(len(samples))
        for distances, reach in zip(squared_distances(held_out, samples), radii, strict=True):
            inside = distances <= reach.unsqueeze(1)
            ball_counts += inside.sum(0)
            coverage.add(inside)
        density = ball_counts / self.neighbours
        resampled = draw_resamples(key, len(samples), self.resamples) @ density / len(samples)
        return {
            **with_bootstrap_interval("density", density.mean(), resampled, least=0),
            **coverage_with_jackknife_interval("coverage", coverage.covered, coverage.sole_counts),
        }
