from collections.abc import Callable

import pytest
import torch

from genrun.components.metric.sliced_wasserstein import SlicedWasserstein
from genrun.core.noise import Key
from genrun.experiment.build import Built

pytestmark = pytest.mark.usefixtures("float64")


def test_the_same_images_in_another_order_are_at_distance_0() -> None:
    images = torch.rand(50, 1, 4, 4)
    assert SlicedWasserstein(32, samples=None)(images, images.flip(0), Key.from_seed(0)) < 1e-12


def test_a_shift_is_its_projected_length() -> None:
    """Moving every image by v moves each projection by v·direction, of mean square |v|²/d."""
    images = torch.rand(40, 1, 3, 3)
    shift = torch.full((9,), 0.2).view(1, 1, 3, 3)
    expected = (shift.square().sum() / 9).sqrt()
    measured = SlicedWasserstein(20_000, samples=None)(images + shift, images, Key.from_seed(0))
    torch.testing.assert_close(measured, expected, rtol=0.02, atol=0)


def test_one_dimension_is_the_sorted_difference() -> None:
    a, b = torch.tensor([3.0, 1.0, 2.0]), torch.tensor([2.0, 5.0, 1.0])
    measured = SlicedWasserstein(4, samples=None)(a.view(3, 1), b.view(3, 1), Key.from_seed(0))
    torch.testing.assert_close(measured, torch.tensor((4 / 3) ** 0.5))  # (0, 0, 2) squared


def test_fewer_samples_are_compared_with_images_from_all_of_the_held_out_ones(
    small: Callable[..., Built], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held-out images may be sorted by class, so the first ones may be of one class."""
    built = small("model=autoencoder", "metric.sliced_wasserstein.samples=8")
    seen: list[torch.Tensor] = []

    def measure(
        self: SlicedWasserstein, samples: torch.Tensor, held_out: torch.Tensor, key: Key
    ) -> torch.Tensor:
        assert len(samples) == len(held_out)
        seen.append(held_out)
        return torch.tensor(0.0)

    monkeypatch.setattr(SlicedWasserstein, "__call__", measure)
    comparison = built.evaluation.sample_metrics
    assert comparison.sample_count == 8
    comparison.measure(torch.rand(8, 1, 28, 28))
    all_of_them = torch.cat(list(built.data.held_out_batches()))
    torch.testing.assert_close(seen[-1], all_of_them[::4])  # of 32
    assert comparison.describe()["metrics"]["sliced_wasserstein"]["samples"] == 8


def test_more_samples_than_are_held_out_are_not_drawn(small: Callable[..., Built]) -> None:
    assert small("model=autoencoder").evaluation.sample_metrics.sample_count == 32
