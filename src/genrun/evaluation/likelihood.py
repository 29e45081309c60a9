"""Negative log-likelihoods of held-out images, where a model offers them."""

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

# MERGED: How much of its latent code a model uses.
THRESHOLD = 0.01


def active_units(model: Encodes, nets: nn.ModuleDict, images: Sequence[Tensor]) -> dict[str, Any]:
    """The latent dimensions whose posterior mean moves with the image.

    Active is one whose variance over the images is above 0.01 (Burda et al., 1509.00519,
    section 5.1).
    """
    means = torch.cat([model.posterior(nets, part)[0] for part in images]).double()
    variances = means.var(0)
    return {
        "active": int((variances > THRESHOLD).sum()),
        "of": means.shape[1],
        "images": len(means),
        "threshold": THRESHOLD,
    }


NORMAL_95 = 1.959964
DRAWS = "importance_samples"  # the field of models whose bound gets tighter with more of them
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
    """Means over images in nats and bits per dimension, with 95 % intervals; None: it offers none.

    `batches` are images with their labels, for a model that asks for them; the intervals are of
    the choice of images. `draws` replaces a model's own number of importance samples.
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
