"""Every value against an independent computation, in float64; the intervals by simulation."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.kid import KernelInceptionDistance

from genrun.components.metric._intervals import draw_resamples, with_bootstrap_interval
from genrun.components.metric._neighbours import squared_radii
from genrun.components.metric.density_coverage import DensityCoverage
from genrun.components.metric.frechet import (
    Frechet,
    IdentityExtractor,
    frechet_distance,
    resample_distances,
)
from genrun.components.metric.kernel_distance import KernelDistance, kernel_distances
from genrun.components.metric.precision_recall import PrecisionRecall
from genrun.core.noise import Key

KEY = Key.from_seed(0, "test")


def features(count: int, width: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    """Correlated features of unequal scales, away from the origin."""
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(width, width))
    return torch.from_numpy(generator.normal(size=(count, width)) @ mixing + 3 + shift)


def frechet_by_scipy(a: np.ndarray, b: np.ndarray) -> float:
    first, second = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    root = sqrtm(first @ second).real
    difference = a.mean(0) - b.mean(0)
    return float(difference @ difference + np.trace(first + second - 2 * root))


@pytest.mark.parametrize(("samples", "width"), [(150, 1), (150, 12), (40, 64)])
def test_frechet_equals_scipys(samples: int, width: int) -> None:
    """Also with fewer samples than features, when a covariance is singular."""
    a, b = features(samples, width, 1, shift=0.3), features(200, width, 2)
    expected = frechet_by_scipy(a.numpy(), b.numpy())
    assert float(frechet_distance(a, b)) == pytest.approx(expected, rel=1e-6)
    ones = torch.ones(1, samples, dtype=torch.float64)
    assert float(resample_distances(a, b, ones)) == pytest.approx(expected, rel=1e-6)


def test_a_resample_equals_the_distance_of_its_rows() -> None:
    a, b = features(60, 5, 1, shift=0.2), features(80, 5, 2)
    counts = draw_resamples(KEY, 60, 3)
    assert counts.sum(1).tolist() == [60, 60, 60]
    for row, measured in zip(counts, resample_distances(a, b, counts), strict=True):
        rows = a.numpy().repeat(row.long().numpy(), axis=0)
        assert float(measured) == pytest.approx(frechet_by_scipy(rows, b.numpy()), rel=1e-9)


def test_frechet_of_a_set_with_itself_is_0() -> None:
    a = features(100, 6, 1)
    found = Frechet(samples=100, resamples=10).compare(a, a, KEY)
    assert 0 <= float(found["frechet"]) < 1e-9 * float(a.var(0).sum())
    assert float(found["frechet_low"]) == 0


def test_frechet_of_a_shift_is_its_square() -> None:
    a = features(100, 6, 1)
    assert float(frechet_distance(a + 0.5, a)) == pytest.approx(6 * 0.25, rel=1e-9)


def kernel(x: np.ndarray, y: np.ndarray) -> float:
    return float((x @ y / len(x) + 1) ** 3)


def mmd_by_loops(a: np.ndarray, b: np.ndarray) -> float:
    n, m = len(a), len(b)
    within = sum(kernel(a[i], a[j]) for i in range(n) for j in range(n) if i != j)
    real = sum(kernel(b[i], b[j]) for i in range(m) for j in range(m) if i != j)
    across = sum(kernel(x, y) for x in a for y in b)
    return within / (n * (n - 1)) + real / (m * (m - 1)) - 2 * across / (n * m)


def test_kernel_distance_is_the_explicit_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = features(30, 4, 1, shift=0.5), features(45, 4, 2)
    expected = mmd_by_loops(a.numpy(), b.numpy())
    found = KernelDistance(samples=30, resamples=5).compare(a, b, KEY)
    assert float(found["kernel_distance"]) == pytest.approx(expected, rel=1e-9)
    monkeypatch.setattr(
        "genrun.components.metric.kernel_distance.ROWS", 7
    )  # in blocks it is the same
    again = KernelDistance(samples=30, resamples=5).compare(a, b, KEY)
    assert {k: float(v) for k, v in again.items()} == pytest.approx(
        {k: float(v) for k, v in found.items()}, rel=1e-9
    )


def test_kernel_distance_is_torchmetrics_on_one_subset_of_all() -> None:
    a, b = features(50, 4, 1, shift=0.5), features(50, 4, 2)
    theirs = KernelInceptionDistance(IdentityExtractor(4), subsets=1, subset_size=50)
    theirs.set_dtype(torch.float64)
    theirs.update(b, real=True)
    theirs.update(a, real=False)
    ones = torch.ones(1, 50, dtype=torch.float64)
    assert float(kernel_distances(a, b, ones)) == pytest.approx(float(theirs.compute()[0]))


def test_a_resample_of_the_kernel_distance_leaves_out_pairs_of_one_sample() -> None:
    a, b = features(12, 3, 1).numpy(), features(15, 3, 2).numpy()
    counts = draw_resamples(KEY, 12, 1)
    rows = np.arange(12).repeat(counts[0].long().numpy())
    pairs = [(i, j) for i in rows for j in rows if i != j]
    within = sum(kernel(a[i], a[j]) for i, j in pairs) / len(pairs)
    real = [(i, j) for i in range(15) for j in range(15) if i != j]
    real_sum = sum(kernel(b[i], b[j]) for i, j in real) / len(real)
    across = np.mean([kernel(a[i], y) for i in rows for y in b])
    measured = kernel_distances(torch.from_numpy(a), torch.from_numpy(b), counts)
    assert float(measured) == pytest.approx(within + real_sum - 2 * across, rel=1e-9)


def test_kernel_distance_is_unbiased_so_it_is_negative_half_the_time() -> None:
    ones = torch.ones(1, 40, dtype=torch.float64)
    values = [
        float(kernel_distances(features(40, 3, s), features(40, 3, 500 + s), ones))
        for s in range(60)
    ]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(len(values))


def manifold(a: np.ndarray, neighbours: int) -> np.ndarray:
    """Radii by sorting each row of distances, of which the first is the point itself."""
    distances = np.linalg.norm(a[:, None] - a[None], axis=2)
    return np.sort(distances, axis=1)[:, neighbours]


@pytest.mark.parametrize("rows", [1000, 13])
def test_neighbour_metrics_are_the_papers_sums(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrun.components.metric._neighbours.ROWS", rows)
    monkeypatch.setattr("genrun.components.metric.density_coverage.ROWS", rows)
    a, b = features(60, 3, 1, shift=1.5), features(70, 3, 2)
    fake, real = a.numpy(), b.numpy()
    across = np.linalg.norm(real[:, None] - fake[None], axis=2)  # (real, fake)
    k = 3
    found = PrecisionRecall(60, 5, k).compare(a, b, KEY)
    assert float(found["precision"]) == (across <= manifold(real, k)[:, None]).any(0).mean()
    assert float(found["recall"]) == (across <= manifold(fake, k)[None]).any(1).mean()
    inside = across <= manifold(real, k)[:, None]
    found = DensityCoverage(60, 5, k).compare(a, b, KEY)
    assert float(found["density"]) == pytest.approx(inside.sum() / (k * 60), rel=1e-12)
    assert float(found["coverage"]) == inside.any(1).mean()
    assert 0 < float(found["coverage"]) < 1, "the case is not trivial"


def test_the_same_points_have_precision_recall_and_coverage_1() -> None:
    a = features(50, 3, 1)
    found = PrecisionRecall(50, 5, 3).compare(a, a, KEY) | DensityCoverage(50, 5, 3).compare(
        a, a, KEY
    )
    assert [float(found[n]) for n in ("precision", "recall", "coverage")] == [1, 1, 1]
    assert float(found["precision_high"]) == 1


def test_a_dropped_mode_is_recall_and_a_stray_one_is_precision() -> None:
    """The two Gaussians of Kynkäänniemi et al.: each value detects one fault."""
    one, other = features(100, 2, 1), features(100, 2, 2, shift=50.0)
    both = torch.cat((one, other))
    dropped = PrecisionRecall(100, 5, 3).compare(features(100, 2, 3), both, KEY)
    stray = PrecisionRecall(200, 5, 3).compare(both + 0.01, features(100, 2, 4), KEY)
    assert float(dropped["precision"]) > 0.8
    assert float(dropped["recall"]) == pytest.approx(0.5, abs=0.05)
    assert float(stray["precision"]) == pytest.approx(0.5, abs=0.05)
    assert float(stray["recall"]) > 0.8


def test_equal_points_have_a_radius_of_0() -> None:
    assert squared_radii(torch.ones(6, 2, dtype=torch.float64), 3).tolist() == [0.0] * 6


METRICS = {
    "frechet": (Frechet(120, 60), "frechet"),
    "kernel_distance": (KernelDistance(120, 60), "kernel_distance"),
    "precision": (PrecisionRecall(120, 60, 3), "precision"),
    "recall": (PrecisionRecall(120, 60, 3), "recall"),
    "density": (DensityCoverage(120, 60, 5), "density"),
    "coverage": (DensityCoverage(120, 60, 5), "coverage"),
}


@pytest.mark.parametrize("case", METRICS)
def test_the_interval_holds_the_mean_over_other_samples_of_the_same_number(case: str) -> None:
    """About 95 of 100 should; more of recall and coverage, whose jackknife is too wide."""
    metric, name = METRICS[case]
    held_out = features(150, 3, 0)
    found = [metric.compare(features(120, 3, 10 + s, shift=0.7), held_out, KEY) for s in range(40)]
    mean = np.mean([float(f[name]) for f in found])
    held = np.mean([float(f[f"{name}_low"]) <= mean <= float(f[f"{name}_high"]) for f in found])
    assert held >= 0.85
    widths = [float(f[f"{name}_high"] - f[f"{name}_low"]) for f in found]
    spread = np.std([float(f[name]) for f in found])
    assert np.mean(widths) < 2.5 * 2 * 1.96 * spread, "and is not simply wide"


def test_an_interval_ends_where_the_value_can_be() -> None:
    resampled = torch.tensor([0.9, 1.1, 1.0, 0.8], dtype=torch.float64)
    found = with_bootstrap_interval("share", torch.tensor(0.99), resampled, least=0, most=1)
    assert float(found["share_high"]) == 1
    deviation = float(resampled.std())
    assert float(found["share_low"]) == pytest.approx(0.99 - 3.182446 * deviation, rel=1e-6)
