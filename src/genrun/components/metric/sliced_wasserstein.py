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

    Pixels in [0, 1] are projected on directions drawn uniformly from the unit sphere; in one
    dimension the optimal transport pairs sorted values. `samples` is the number of samples,
    compared with as many held-out images; None: as many as there are held-out images.
    """

    projections: int
    samples: int | None

    def __call__(self, samples: Tensor, held_out: Tensor, key: Key) -> Tensor:
        """Returns the distance, of shape (), of tensors (count, ...) with the same count."""
        samples, held_out = samples.flatten(1), held_out.flatten(1)
        directions = noise.normal(key, (held_out.shape[1], self.projections), like=held_out)
        directions = normalize(directions, dim=0)
        sorted_samples = torch.sort(samples @ directions, dim=0).values
        sorted_held_out = torch.sort(held_out @ directions, dim=0).values
        return (sorted_samples - sorted_held_out).square().mean().sqrt()
