"""Improved precision and recall (Kynkäänniemi et al., 1904.06991)."""

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
    Coverage,
    squared_distances,
    squared_radii,
)
from genrun.core.noise import Key
from genrun.core.protocols.data import Data
from genrun.core.types import Metrics


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision and recall (equation 1) of balls around held-out images and around samples.

    Precision is the share of samples in a ball around a held-out image, recall the share of
    held-out images in a ball around a sample. A ball reaches to the k-th nearest of its own kind,
    k = `neighbours`. Recall's interval keeps the balls fixed, although they would grow without a
    sample in them: it is slightly too wide.
    """

    samples: int
    resamples: int
    neighbours: int
    value_names = higher_is_better = ("precision", "recall")

    def prepare(self, data: Data) -> PrecisionRecall:
        check_enough_images(
            "precision_recall", self.samples, data.held_out_count, self.neighbours + 1
        )
        return self

    def compare(self, samples: Tensor, held_out: Tensor, key: Key) -> Metrics:
        held_out_radii = squared_radii(held_out, self.neighbours)
        sample_radii = squared_radii(samples, self.neighbours)
        is_precise = torch.cat(
            [(rows <= held_out_radii).any(1) for rows in squared_distances(samples, held_out)]
        ).to(samples.dtype)
        recall = Coverage(len(samples))
        for rows in squared_distances(held_out, samples):
            recall.add(rows <= sample_radii)
        resampled = draw_resamples(key, len(samples), self.resamples) @ is_precise / len(samples)
        return {
            **with_bootstrap_interval("precision", is_precise.mean(), resampled, least=0, most=1),
            **coverage_with_jackknife_interval("recall", recall.covered, recall.sole_counts),
        }
