import pytest
import torch

from genrun.core.noise import Key
from genrun.metric.sliced_wasserstein import SlicedWasserstein

pytestmark = pytest.mark.usefixtures("float64")


def test_the_same_images_in_another_order_are_at_distance_0() -> None:
    images = torch.rand(50, 1, 4, 4)
    assert SlicedWasserstein(32)(images, images.flip(0), Key.of(0)) < 1e-12


def test_a_shift_is_its_projected_length() -> None:
    """Moving every image by v moves each projection by v·direction, of mean square |v|²/d."""
    images = torch.rand(40, 1, 3, 3)
    shift = torch.full((9,), 0.2).view(1, 1, 3, 3)
    expected = (shift.square().sum() / 9).sqrt()
    measured = SlicedWasserstein(20_000)(images + shift, images, Key.of(0))
    torch.testing.assert_close(measured, expected, rtol=0.02, atol=0)


def test_one_dimension_is_the_sorted_difference() -> None:
    a, b = torch.tensor([3.0, 1.0, 2.0]), torch.tensor([2.0, 5.0, 1.0])
    measured = SlicedWasserstein(4)(a.view(3, 1), b.view(3, 1), Key.of(0))
    torch.testing.assert_close(measured, torch.tensor((4 / 3) ** 0.5))  # (0, 0, 2) squared
