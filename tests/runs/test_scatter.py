import io

import numpy as np
import pytest
import torch
from PIL import Image

from genrun.core.types import DataSpec, Picture
from genrun.runs.sample_images import LEFT, MARGIN, SIDE, picture_png, scatter_png


def drawn(*args: object, **more: object) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(scatter_png(*args, **more))).convert("RGB")).astype(
        int
    )


def middle(difference: np.ndarray) -> tuple[float, float]:
    """Where a picture differs from another, as (x, y)."""
    rows, columns = np.nonzero(difference.any(2))
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize("place", [(0.0, 0.0), (1.0, -0.5), (-1.5, 1.2)])
def test_a_point_is_where_its_coordinates_say(place: tuple[float, float]) -> None:
    empty = drawn(torch.zeros(0, 2), 2.0)
    x, y = middle(drawn(torch.tensor([place]), 2.0) - empty)
    assert x == pytest.approx(LEFT + SIDE * (place[0] + 2) / 4 - 0.5, abs=1)
    assert y == pytest.approx(MARGIN + SIDE * (2 - place[1]) / 4 - 0.5, abs=1)  # y grows upwards


def test_points_are_blue_over_grey_ones_and_axes_stay() -> None:
    both = drawn(torch.tensor([[1.0, 1.0]]), 2.0, torch.tensor([[-1.0, -1.0]]))
    empty = drawn(torch.zeros(0, 2), 2.0)
    above = both[MARGIN + SIDE // 4, LEFT + 3 * SIDE // 4]
    behind = both[MARGIN + 3 * SIDE // 4, LEFT + SIDE // 4]
    assert above[2] > above[0] + 50, "blue"
    assert behind[0] == behind[1] == behind[2] < 230, "grey"
    assert (both != empty).any(2).sum() < 100
    far = drawn(torch.tensor([[50.0, 0.0]]), 2.0)
    assert middle(far - empty)[0] == pytest.approx(LEFT + SIDE, abs=2), "put on the edge"


def test_pictures_of_points_are_in_their_own_coordinates() -> None:
    spec = DataSpec(2, 1, 1, points=True, extent=4.0)
    points = torch.rand(5, 2, 1, 1)
    picture = Picture(points, spec, background=points, pairs=True)
    own = (points.view(5, 2) * 2 - 1) * 4
    assert picture_png(picture) == scatter_png(own, 4.0, own, pairs=True)
