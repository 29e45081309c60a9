"""The sliced Wasserstein distance (Rabin et al., 2011; Bonneel et al., 2015)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from genrun.core import noise
from genrun.core.noise import Key


@dataclass(frozen=True)
class SlicedWasserstein:
    """Root mean squared 2-Wasserstein distance over random one-dimensional projections.

    Pixels are projected on directions drawn uniformly from the unit sphere; in one dimension
    the optimal transport pairs sorted values. Images are taken in [0, 1].

    `samples` are drawn, and compared with as many of the held-out images; never more than are
    held out, and so many where it is None, as in runs of versions that had no such setting.
    """

    projections: int
    samples: int | None = None

    def __call__(self, samples: Tensor, held_out: Tensor, key: Key) -> Tensor:
        """Both (count, ...) with the same count; the result has shape ()."""
        samples, held_out = samples.flatten(1), held_out.flatten(1)
        directions = noise.normal(key, (held_out.shape[1], self.projections), like=held_out)
        directions = normalize(directions, dim=0)
        sorted_samples = torch.sort(samples @ directions, dim=0).values
        sorted_held_out = torch.sort(held_out @ directions, dim=0).values
        return (sorted_samples - sorted_held_out).square().mean().sqrt()
