"""Everything that `genrun evaluate` measures of one model, as JSON's types."""

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
    """How many samples and images each measurement uses."""

    samples: int  # drawn for the metrics of features
    resamples: int  # of the samples, for the intervals
    neighbours: int  # samples whose nearest training image is searched; 0: none
    likelihood_images: int  # held-out images whose likelihood is measured; 0: none
    importance_samples: int  # per image, if the likelihood is an importance-weighted bound


@dataclass(frozen=True)
class Measurements:
    """The measured values, and some samples with their nearest training images to draw."""

    values: dict[str, Any]
    samples: Tensor
    nearest: Tensor | None  # None: they were not searched


def measure_model(
    model: Model,
    nets: nn.ModuleDict,
    data: Batches,
    sample_metrics: SampleMetrics,
    counts: SampleCounts,
    seed: int,
) -> Measurements:
    """Measures samples, and for reference training images, against held-out images."""
    with evaluating(nets):
        samples = sample(model, nets, max(sample_metrics.sample_count, counts.neighbours), seed)
        values: dict[str, Any] = {
            "features": sample_metrics.features,
            "metrics": _metrics(
                sample_metrics, samples, _training_images(data, sample_metrics.sample_count)
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
        compared = samples[: counts.neighbours]
        if counts.neighbours:
            found, values["memorization"] = _neighbours(compared, data, sample_metrics)
            nearest = found.images
    return Measurements(values, compared, nearest)


def _metrics(sample_metrics: SampleMetrics, samples: Tensor, train: Tensor) -> dict[str, Any]:
    """Each value with its interval, its metric, and the same value of training images."""
    measured, reference = sample_metrics.measure(samples), sample_metrics.measure(train)
    described = sample_metrics.describe()["metrics"]
    higher_is_better = sample_metrics.higher_is_better()
    found = {}
    for name, metric in sample_metrics.value_names().items():
        if is_uncertainty(name, measured):
            continue
        description = described[metric]
        found[name] = {
            **_estimate(measured, name),
            "metric": metric,
            "samples": description["samples"],
            "held_out": description["held_out"],
            "features": sample_metrics.features if description["features"] else None,
            "higher_is_better": name in higher_is_better,
            "training_images": {
                **_estimate(reference, name),
                "samples": min(description["samples"], len(train)),
            },
        }
    return found


def _estimate(measured: dict[str, float], name: str) -> dict[str, float | None]:
    ends = {"value": "", "low": LOW, "high": HIGH}
    return {key: to_plain(measured.get(name + end)) for key, end in ends.items()}


def _training_images(data: Batches, count: int) -> Tensor:
    """`count` training images, or all of an epoch's batches, in the order of the first epoch."""
    batches = min(data.batches_per_epoch, math.ceil(count / data.batch_size))
    return torch.cat([data.batch(index) for index in range(batches)])[:count]


def _held_out(data: Batches, model: Model, count: int) -> list[tuple[Tensor, Tensor | None]]:
    """The first `count` held-out images in batches, with labels if the model is conditional."""
    images = torch.cat(list(data.held_out_batches()))[:count]
    labels: Sequence[Tensor | None] = [None] * len(images)
    batches = torch.split(images, 100)
    if isinstance(model, Conditional):
        labels = torch.split(torch.cat(list(data.held_out_label_batches()))[:count], 100)
    return list(zip(batches, labels[: len(batches)], strict=True)) if count else []


def _neighbours(
    samples: Tensor, data: Batches, sample_metrics: SampleMetrics
) -> tuple[Nearest, dict[str, Any]]:
    held_out = torch.cat(list(data.held_out_batches()))[: len(samples)]
    both = nearest_training_images(
        torch.cat((samples, held_out)),
        data.train_batches(),
        data.train_count,
        sample_metrics.extract_features,
        points=data.spec.points,
    )
    of_samples, of_held_out = both.part(slice(len(samples))), both.part(slice(len(samples), None))
    return of_samples, {
        "features": sample_metrics.features,
        **memorization(of_samples, of_held_out),
    }
