"""What `genrun evaluate` measures besides the metrics, against direct computations."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from genrun.core.noise import Key
from genrun.core.types import DataSpec, Metrics
from genrun.evaluation.likelihood import active_units, negative_log_likelihoods
from genrun.evaluation.memorization import memorization, nearest_training_images
from genrun.experiment.build import Built
from genrun.training.evaluation import evaluating

Make = Callable[..., Built]


def flat(images: torch.Tensor) -> torch.Tensor:
    return images.flatten(1).double()


def test_nearest_training_images_equal_a_full_search() -> None:
    generator = torch.Generator().manual_seed(0)
    train = torch.rand(50, 1, 3, 3, generator=generator)
    images = torch.rand(7, 1, 3, 3, generator=generator)
    images[2] = train[31]
    found = nearest_training_images(images, torch.split(train, 8), 50, flat)
    distances = np.linalg.norm(
        images.flatten(1).numpy()[:, None] - train.flatten(1).numpy()[None], axis=2
    )
    np.testing.assert_allclose(found.distances.numpy(), distances.min(1), atol=1e-6)
    assert torch.equal(found.images, train[distances.argmin(1)])
    assert found.copied.tolist() == [False, False, True, False, False, False, False]


def test_copies_show_in_the_ratio_and_the_count() -> None:
    generator = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, (40, 1, 4, 4), generator=generator) / 255
    fresh = torch.randint(0, 256, (20, 1, 4, 4), generator=generator) / 255
    copies = train[:20] + 0.001  # less than half a level off
    both = nearest_training_images(torch.cat((copies, fresh)), [train], 40, flat)
    found = memorization(both.part(slice(20)), both.part(slice(20, None)))
    assert found["samples_copied"] == 1
    assert found["held_out_copied"] == 0
    assert found["ratio"] < 0.02


def test_points_are_copies_only_if_they_are_equal() -> None:
    train = 0.5 + 0.001 * torch.rand(40, 2, 1, 1, generator=torch.Generator().manual_seed(0))
    points = torch.cat((train[:3], train[3:6] + 1e-6))  # all of the same 8-bit levels
    found = nearest_training_images(points, [train], 40, flat, points=True)
    assert found.copied.tolist() == [True, True, True, False, False, False]


class Halves:
    """A posterior of three latent means, one of them constant and one nearly so."""

    def posterior(self, nets, images):  # type: ignore[no-untyped-def]
        first = images.flatten(1)[:, :1]
        means = torch.cat((first, 0.05 * first, torch.ones_like(first)), 1)
        return means, torch.zeros_like(means)


def test_active_units_are_those_whose_mean_moves() -> None:
    images = torch.linspace(-1, 1, 100).view(100, 1, 1, 1)  # of variance 1/3
    found = active_units(Halves(), None, torch.split(images, 30))
    assert (found["active"], found["of"], found["images"]) == (1, 3, 100)


def test_bits_per_dimension_and_the_interval() -> None:
    import dataclasses

    @dataclasses.dataclass(frozen=True)
    class Known:
        def negative_log_likelihood(self, nets, batch, key: Key) -> Metrics:  # type: ignore[no-untyped-def]
            return {"exact": batch.flatten(1).sum(1)}

    images = torch.tensor([1.0, 2, 3, 6]).view(4, 1, 1, 1).expand(4, 1, 2, 2) / 4
    batches = [(images[:3], None), (images[3:], None)]
    found = negative_log_likelihoods(
        Known(), None, batches, DataSpec(1, 2, 2), 5, Key.from_seed(0)
    )
    value = found["values"]["exact"]
    assert value["nats"] == 3
    assert value["bits_per_dimension"] == pytest.approx(3 / (4 * math.log(2)))
    half = 1.959964 * np.std([1, 2, 3, 6], ddof=1) / 2
    assert (value["low"], value["high"]) == pytest.approx((3 - half, 3 + half))
    assert found["importance_samples"] is None
    assert "256 levels" in found["note"]


def test_more_importance_samples_tighten_the_bound(small: Make) -> None:
    built = small("model=vae", "model.latent_dim=4")
    for step in range(1, 30):
        built.step(step)
    batches = [(images, None) for images in built.data.held_out_batches()]
    bounds = {}
    with evaluating(built.trial.nets):
        for draws in (1, 64):
            found = negative_log_likelihoods(
                built.model, built.trial.nets, batches, built.data.spec, draws, Key.from_seed(0)
            )
            bounds[draws] = found["values"]["importance_weighted_bound"]["nats"]
            assert found["importance_samples"] == draws
            assert found["note"].startswith("of a Bernoulli decoder")
    assert bounds[64] < bounds[1]


def test_a_model_without_a_likelihood_has_none(small: Make) -> None:
    built = small("model=gan")
    batches = [(images, None) for images in built.data.held_out_batches()]
    assert negative_log_likelihoods(
        built.model, built.trial.nets, batches, built.data.spec, 5, Key.from_seed(0)
    ) is None  # fmt: skip
