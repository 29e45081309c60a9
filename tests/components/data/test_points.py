import numpy as np
import pytest

from genrun.components.data.checkerboard import Checkerboard
from genrun.components.data.grid import Grid
from genrun.components.data.ring import Ring
from genrun.components.data.spiral import Spiral
from genrun.core.errors import ConfigError
from genrun.core.protocols.data import ImageSet

SETS = {
    "ring": Ring(modes=8, radius=2.0, std=0.02, count=4000, seed=0),
    "grid": Grid(rows=5, spacing=2.0, std=0.05, count=5000, seed=0),
    "spiral": Spiral(arms=3, turns=1.5, radius=2.0, std=0.01, count=3000, seed=0),
    "checkerboard": Checkerboard(squares=4, side=8.0, count=3000, seed=0),
}


def own(source: ImageSet) -> np.ndarray:
    """(count, 2) in the data's own coordinates, by the documented scale."""
    assert source.images.shape[1:] == (2, 1, 1)
    return (2 * source.images.reshape(-1, 2).astype(np.float64) - 1) * source.extent


@pytest.mark.parametrize("name", SETS)
def test_points_lie_well_inside_and_are_a_function_of_their_seed(name: str) -> None:
    source = SETS[name].load()
    assert source.images.dtype == np.float32
    assert source.spec.points
    assert 0.05 < source.images.min() < 0.2
    assert 0.8 < source.images.max() < 0.95
    assert SETS[name].load().digest() == source.digest()
    changed = type(SETS[name])(**{**vars(SETS[name]), "seed": 1}).load()
    assert changed.digest() != source.digest()
    assert changed.extent == source.extent, "two seeds' samples are compared in one scale"


@pytest.mark.parametrize(
    ("name", "centres", "std"),
    [
        ("ring", [2 * np.exp(1j * np.pi * k / 4) for k in range(8)], 0.02),
        ("grid", [x + 1j * y for x in range(-4, 5, 2) for y in range(-4, 5, 2)], 0.05),
    ],
)
def test_mixtures_have_their_modes_where_the_papers_do(name, centres, std) -> None:
    source = SETS[name].load()
    points, expected = own(source), np.stack([np.real(centres), np.imag(centres)], 1)
    assert source.modes is not None
    told = (2 * source.modes.centres.numpy() - 1) * source.extent
    np.testing.assert_allclose(told, expected, atol=1e-5)
    assert source.modes.std * 2 * source.extent == pytest.approx(std)
    for mode, centre in enumerate(expected):
        cluster = points[source.labels == mode]
        assert len(cluster) == pytest.approx(len(points) / len(centres), rel=0.3)
        np.testing.assert_allclose(cluster.mean(0), centre, atol=5 * std / len(cluster) ** 0.5)
        np.testing.assert_allclose(cluster.std(0), std, rtol=0.25)


def test_spiral_points_lie_on_the_arm_of_their_label() -> None:
    source = SETS["spiral"].load()
    points = own(source)
    radii, angles = np.hypot(*points.T), np.arctan2(points[:, 1], points[:, 0])
    far = radii > 0.5  # closer to the middle, noise is a large angle
    turned = angles - 2 * np.pi * (1.5 * radii / 2.0 + source.labels / 3)
    off = (turned[far] + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(off).max() < 0.5
    assert source.spec.classes == 3


def test_checkerboard_is_on_every_other_square_and_has_no_labels() -> None:
    source = SETS["checkerboard"].load()
    cells = np.floor((own(source) + 4) / 2 - 1e-9).astype(int)
    assert (cells.sum(1) % 2 == 0).all()
    assert len({tuple(cell) for cell in cells}) == 8
    assert source.labels is None


def test_coordinates_must_fit_float32() -> None:
    with pytest.raises(ConfigError, match="must be positive and finite"):
        Ring(modes=8, radius=1e300, std=0.1, count=10, seed=0).load()
