"""Improved precision and recall (Kynkäänniemi et al., 1904.06991)."""

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
    Coverage,
    squared_distances,
    squared_radii,
)
from genrun.core.noise import Key
from genrun.core.protocols.data import Data
from genrun.core.types import Metrics


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision: the share of samples in a ball around a held-out image (equation 1).

    Recall: the share of held-out images in a ball around a sample. A ball reaches to the
    `neighbours`th nearest of its own kind. Recall's interval takes the balls as they are, though
    without a sample those beside it would grow a little: it is rather too wide.
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
        real = squared_radii(held_out, self.neighbours)
        made = squared_radii(samples, self.neighbours)
        real_like = torch.cat(
            [(rows <= real).any(1) for rows in squared_distances(samples, held_out)]
        ).to(samples.dtype)
        recalled = Coverage(len(samples))
        for rows in squared_distances(held_out, samples):
            recalled.add(rows <= made)
        resampled = resampled_counts(key, len(samples), self.resamples) @ real_like / len(samples)
        return {
            **with_interval("precision", real_like.mean(), resampled, least=0, most=1),
            **share_with_interval("recall", recalled.covered, recalled.alone),
        }
