"""All that is measured of one model, as JSON's types."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from genrun.components.data._dataset import Batches
from genrun.core.log_names import HIGH, LOW, is_uncertainty
from genrun.core.noise import Key
from genrun.core.numbers import to_plain
from genrun.core.protocols.model import Conditional, Encodes, Model
from genrun.evaluation.likelihood import active_units, negative_log_likelihoods
from genrun.evaluation.memorization import Nearest, memorization, nearest_training_images
from genrun.training.evaluation import evaluating, sample
from genrun.training.sample_metrics import SampleMetrics


@dataclass(frozen=True)
class SampleCounts:
    """How much is spent on what."""

    samples: int  # that are drawn for the metrics on features
    resamples: int  # of these, for their intervals
    neighbours: int  # samples whose nearest training image is sought; 0: of none
    likelihood_images: int  # held-out images whose likelihood is measured; 0: of none
    importance_samples: int  # of each of them, where the likelihood's bound has draws


@dataclass(frozen=True)
class Measurements:
    """What was measured, and to look at: some samples, each with its nearest training image."""

    values: dict[str, Any]
    samples: Tensor
    nearest: Tensor | None  # None: they were not sought


def measure_model(
    model: Model,
    nets: nn.ModuleDict,
    data: Batches,
    comparison: SampleMetrics,
    counts: SampleCounts,
    seed: int,
) -> Measurements:
    """Samples against held-out images, and training images against them as the mark to reach."""
    with evaluating(nets):
        samples = sample(model, nets, max(comparison.sample_count, counts.neighbours), seed)
        values: dict[str, Any] = {
            "features": comparison.features,
            "metrics": _metrics(
                comparison, samples, _training_images(data, comparison.sample_count)
            ),
        }
        key = Key.from_seed(seed, "likelihood")
        batches = _held_out(data, model, counts.likelihood_images)
        if batches:
            values["likelihood"] = negative_log_likelihoods(
                model, nets, batches, data.spec, counts.importance_samples, key
            )
        if isinstance(model, Encodes):
            values["active_units"] = active_units(model, nets, data.held_out_batches())
        nearest = None
        looked_at = samples[: counts.neighbours]
        if counts.neighbours:
            found, values["memorization"] = _neighbours(looked_at, data, comparison)
            nearest = found.images
    return Measurements(values, looked_at, nearest)


def _metrics(comparison: SampleMetrics, samples: Tensor, train: Tensor) -> dict[str, Any]:
    """Each value with its interval, what it is of, and what training images have of it."""
    measured, reference = comparison.measure(samples), comparison.measure(train)
    described = comparison.describe()["metrics"]
    rising = comparison.higher_is_better()
    found = {}
    for name, metric in comparison.value_names().items():
        if is_uncertainty(name, measured):
            continue
        of = described[metric]
        found[name] = {
            **_estimate(measured, name),
            "metric": metric,
            "samples": of["samples"],
            "held_out": of["held_out"],
            "features": comparison.features if of["features"] else None,
            "higher_is_better": name in rising,
            "training_images": {
                **_estimate(reference, name),
                "samples": min(of["samples"], len(train)),
            },
        }
    return found


def _estimate(measured: dict[str, float], name: str) -> dict[str, float | None]:
    ends = {"value": "", "low": LOW, "high": HIGH}
    return {key: to_plain(measured.get(name + end)) for key, end in ends.items()}


def _training_images(data: Batches, count: int) -> Tensor:
    """So many, or all that fill an epoch's batches, in the order of the first epoch."""
    batches = min(data.batches_per_epoch, math.ceil(count / data.batch_size))
    return torch.cat([data.batch(index) for index in range(batches)])[:count]


def _held_out(data: Batches, model: Model, count: int) -> list[tuple[Tensor, Tensor | None]]:
    """The first `count` held-out images in batches, with their labels where they are asked for."""
    images = torch.cat(list(data.held_out_batches()))[:count]
    labels: Sequence[Tensor | None] = [None] * len(images)
    batches = torch.split(images, 100)
    if isinstance(model, Conditional):
        labels = torch.split(torch.cat(list(data.held_out_label_batches()))[:count], 100)
    return list(zip(batches, labels[: len(batches)], strict=True)) if count else []


def _neighbours(
    samples: Tensor, data: Batches, comparison: SampleMetrics
) -> tuple[Nearest, dict[str, Any]]:
    held_out = torch.cat(list(data.held_out_batches()))[: len(samples)]
    both = nearest_training_images(
        torch.cat((samples, held_out)),
        data.train_batches(),
        data.train_count,
        comparison.extract_features,
        points=data.spec.points,
    )
    made, real = both.part(slice(len(samples))), both.part(slice(len(samples), None))
    return made, {"features": comparison.features, **memorization(made, real)}
