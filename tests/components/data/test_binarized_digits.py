"""Binarized digits are drawn once, by their grey levels."""

import numpy as np

from genrun.components.data.binarized_digits import BinarizedDigits
from genrun.components.data.digits import Digits


def test_pixels_are_drawn_by_their_grey_level() -> None:
    grey, drawn = Digits().load(), BinarizedDigits(binarization_seed=0).load()
    assert set(np.unique(drawn.images)) == {0, 255}
    assert drawn.images.shape == grey.images.shape
    assert drawn.labels is grey.labels or np.array_equal(drawn.labels, grey.labels)
    assert (drawn.images[grey.images == 0] == 0).all()
    assert (drawn.images[grey.images == 255] == 255).all()
    for low in range(1, 250, 50):  # tens of thousands of pixels each
        near = (grey.images >= low) & (grey.images < low + 50)
        share, wanted = drawn.images[near].mean() / 255, grey.images[near].mean() / 255
        assert abs(share - wanted) < 4 * 0.5 / near.sum() ** 0.5


def test_the_draw_is_a_function_of_its_seed() -> None:
    first, again, other = (BinarizedDigits(seed).load().digest() for seed in (0, 0, 1))
    assert first == again != other
