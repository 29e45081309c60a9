"""The Fréchet distance of features (Heusel et al., 1706.08500)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.metric._intervals import (
    check_enough_images,
    draw_resamples,
    with_bootstrap_interval,
)
from genrun.core.noise import Key
from genrun.core.protocols.data import Data
from genrun.core.types import Metrics

RANK_TOLERANCE = 1e-13  # eigenvalues below this share of the largest are rounding errors


@dataclass(frozen=True)
class Frechet:
    """Squared Fréchet distance of the Gaussians with the features' means and covariances.

    It is biased upwards, the more the fewer samples there are (Chong and Forsyth, 1911.07023):
    values can be compared only at the same number of samples, of held-out images, and in the same
    features. torchmetrics computes the value, `resample_distances` the interval.
    """

    samples: int
    resamples: int
    value_names = ("frechet",)

    def prepare(self, data: Data) -> Frechet:
        check_enough_images("frechet", self.samples, data.held_out_count, 2)
        return self

    def compare(self, samples: Tensor, held_out: Tensor, key: Key) -> Metrics:
        value = frechet_distance(samples, held_out)
        counts = draw_resamples(key, len(samples), self.resamples)
        resampled = resample_distances(samples, held_out, counts)
        return with_bootstrap_interval("frechet", value, resampled, least=0.0)


class IdentityExtractor(nn.Module):
    """The feature extractor that torchmetrics requires, for inputs that are features already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet_distance(samples: Tensor, held_out: Tensor) -> Tensor:
    """Returns the distance, of shape (), of features (count, features) in float64."""
    from torchmetrics.image.fid import FrechetInceptionDistance  # takes a second to import

    metric = FrechetInceptionDistance(IdentityExtractor(samples.shape[1])).set_dtype(torch.float64)
    # centred, or rounding of large means hides small covariances in torchmetrics' running sums
    centre = held_out.mean(0)
    metric.update(held_out - centre, real=True)
    metric.update(samples - centre, real=False)
    distance: Tensor = metric.compute()
    return distance.clamp(min=0)  # negative only by rounding


def resample_distances(samples: Tensor, held_out: Tensor, counts: Tensor) -> Tensor:
    """Returns the distance, (rows,), of the samples weighted by each row of `counts`.

    The trace of (A B)^(1/2) is the sum of the singular values of S R, where the rows of S are the
    centred samples, S'S = A, and R R' = B. So R is computed once, and a resample costs the
    eigenvalues of one symmetric matrix of the size of B's rank or of the number of samples,
    whichever is less.
    """
    mean, covariance = _moments(held_out)
    root = _root(covariance)
    centred = samples - mean
    projected, squares = centred @ root, centred.square().sum(1)
    distances = []
    for weights in counts:
        count = weights.sum()
        shift = weights @ centred / count
        trace = (weights @ squares - count * shift.square().sum()) / (count - 1)
        kept = weights > 0
        rows = weights[kept].sqrt().unsqueeze(1) * (projected[kept] - shift @ root)
        gram = rows.T @ rows if rows.shape[0] > rows.shape[1] else rows @ rows.T
        overlap = torch.linalg.eigvalsh(gram / (count - 1)).clamp(min=0).sqrt().sum()
        distances.append(shift.square().sum() + trace + covariance.trace() - 2 * overlap)
    return torch.stack(distances)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    mean = features.mean(0)
    centred = features - mean
    return mean, centred.T @ centred / (len(features) - 1)


def _root(covariance: Tensor) -> Tensor:
    """Returns R, (features, rank), with R R' = covariance."""
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > RANK_TOLERANCE * values[-1]
    root: Tensor = vectors[:, kept] * values[kept].sqrt()
    return root
