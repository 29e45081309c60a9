"""The kernel distance of features, KID (Bińkowski et al., 1801.01401)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.metric._intervals import (
    check_enough_images,
    draw_resamples,
    with_bootstrap_interval,
)
from genrun.core.noise import Key
from genrun.core.protocols.data import Data
from genrun.core.types import Metrics

ROWS = 1000  # of the kernel matrix in memory at once; that of 10,000 samples has 800 MB


@dataclass(frozen=True)
class KernelDistance:
    """Squared maximum mean discrepancy with the kernel (x·y / features + 1)^3.

    The estimate is unbiased, so it can be negative. It uses all pairs; the paper's mean over
    subsets of 1000 has the same expectation and more noise. torchmetrics computes the kernel.
    """

    samples: int
    resamples: int
    value_names = ("kernel_distance",)

    def prepare(self, data: Data) -> KernelDistance:
        check_enough_images("kernel_distance", self.samples, data.held_out_count, 2)
        return self

    def compare(self, samples: Tensor, held_out: Tensor, key: Key) -> Metrics:
        counts = draw_resamples(key, len(samples), self.resamples)
        weights = torch.cat((torch.ones_like(counts[:1]), counts))
        distances = kernel_distances(samples, held_out, weights)
        return with_bootstrap_interval("kernel_distance", distances[0], distances[1:])


def kernel_distances(samples: Tensor, held_out: Tensor, weights: Tensor) -> Tensor:
    """Returns the distance, (rows,), with each sample counted as often as a row of `weights` has.

    The sums are over pairs of different samples (Gretton et al., JMLR 2012, lemma 6); a sample
    that counts twice is not paired with itself.
    """
    totals = weights.sum(1)
    pairs = totals.square() - weights.square().sum(1)
    within = _sums(samples, samples, weights, weights, paired=True) / pairs
    across = _sums(samples, held_out, weights, None, paired=False) / (totals * len(held_out))
    real = _sums(held_out, held_out, None, None, paired=True)
    return within + real / (len(held_out) * (len(held_out) - 1)) - 2 * across


def _sums(
    left: Tensor,
    right: Tensor,
    left_weights: Tensor | None,
    right_weights: Tensor | None,
    paired: bool,
) -> Tensor:
    """Returns the weighted sum of the kernel over all pairs; weights of None are 1.

    With `paired`, both sides are the same points, and no point is paired with itself.
    """
    from torchmetrics.image.kid import poly_kernel  # takes a second to import

    sums = torch.zeros(1, dtype=left.dtype)
    for first in range(0, len(left), ROWS):
        kernel = poly_kernel(left[first : first + ROWS], right)
        if paired:
            kernel.diagonal(first).zero_()
        row_sums = (
            kernel.sum(1, keepdim=True) if right_weights is None else kernel @ right_weights.T
        )
        if left_weights is not None:
            row_sums = row_sums * left_weights[:, first : first + ROWS].T
        sums = sums + row_sums.sum(0)
    return sums
