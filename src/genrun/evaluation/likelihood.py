"""Likelihoods of held-out images and active latent units, for models that have them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genrun.core.noise import Key
from genrun.core.progress_bar import progress
from genrun.core.protocols.model import Encodes, HasLikelihoodNote, Likelihood, Model
from genrun.core.types import DataSpec
from genrun.training.loss import condition_on

NORMAL_95 = 1.959964
ACTIVE_VARIANCE = 0.01
DRAWS = "importance_samples"  # the field of models whose bound tightens with more of them
OF_LEVELS = (
    "of images of 256 levels, by the density with uniform noise in each level's cell "
    "(1511.01844): an upper bound of -log P, but for the noise that was drawn"
)
OF_POINTS = "of the density of points in the data's own coordinates, which can be above 1"


def negative_log_likelihoods(
    model: Model,
    nets: nn.ModuleDict,
    batches: Sequence[tuple[Tensor, Tensor | None]],
    spec: DataSpec,
    draws: int,
    key: Key,
) -> dict[str, Any] | None:
    """Returns means over images in nats and bits per dimension; None without a likelihood.

    `batches` are images with labels if the model is conditional. The 95 % intervals are over the
    choice of images. `draws` replaces the model's own number of importance samples.
    """
    if any(field.name == DRAWS for field in dataclasses.fields(model)):  # type: ignore[arg-type]  # every model is a dataclass
        model = dataclasses.replace(model, **{DRAWS: draws})  # type: ignore[type-var]
    else:
        draws = 0
    if not isinstance(model, Likelihood):
        return None
    parts: list[dict[str, Tensor]] = []
    count = sum(len(images) for images, _ in batches)
    with progress(f"log-likelihood of {count} held-out images", count) as advance:
        for index, (images, labels) in enumerate(batches):
            own = condition_on(model, labels)
            assert isinstance(own, Likelihood)
            parts.append(own.negative_log_likelihood(nets, images, key.fold(index)))
            advance(len(images))
    note = model.likelihood_note if isinstance(model, HasLikelihoodNote) else ""
    return {
        "images": count,
        "importance_samples": draws or None,
        "note": note or (OF_POINTS if spec.points else OF_LEVELS),
        "values": {
            name: _summary(torch.cat([part[name] for part in parts]).double(), spec.pixels)
            for name in parts[0]
        },
    }


def _summary(nats: Tensor, dimensions: int) -> dict[str, float]:
    mean = float(nats.mean())
    half = NORMAL_95 * float(nats.std()) / math.sqrt(len(nats)) if len(nats) > 1 else math.inf
    return {
        "nats": mean,
        "low": mean - half,
        "high": mean + half,
        "bits_per_dimension": mean / (dimensions * math.log(2)),
    }


def active_units(model: Encodes, nets: nn.ModuleDict, images: Sequence[Tensor]) -> dict[str, Any]:
    """Returns how many latent dimensions have a posterior mean that varies with the image.

    A dimension is active if the variance of its mean over the images exceeds 0.01 (Burda et al.,
    arXiv 1509.00519, section 5.1).
    """
    means = torch.cat([model.posterior(nets, part)[0] for part in images]).double()
    variances = means.var(0)
    return {
        "active": int((variances > ACTIVE_VARIANCE).sum()),
        "of": means.shape[1],
        "images": len(means),
        "threshold": ACTIVE_VARIANCE,
    }
