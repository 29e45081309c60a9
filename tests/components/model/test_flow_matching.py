"""Flow matching against its formulas, and against normal data whose velocity is known."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from genrun.components.model._noise_coupling import (
    NOISE_COUPLINGS,
    couple_by_optimal_transport,
)
from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.types import DataSpec
from tests.components.model.known import KnownVelocity, matching

pytestmark = pytest.mark.usefixtures("float64")
SPEC = DataSpec(1, 3, 4)
MEAN = torch.linspace(-0.2, 0.25, 12, dtype=torch.float64).view(1, 3, 4)
DEVIATION = torch.linspace(0.06, 0.2, 12, dtype=torch.float64).view(1, 3, 4)


class Nothing(nn.Module):
    """Records its inputs and returns zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, images: Tensor, levels: Tensor) -> Tensor:
        self.seen.append((images, levels))
        return torch.zeros_like(images)


@pytest.mark.parametrize("pairing", sorted(NOISE_COUPLINGS))
def test_target_is_the_difference_of_image_and_noise(pairing: str) -> None:
    network, batch, key = Nothing(), torch.rand(9, *SPEC.shape), Key.from_seed(4)
    nets = nn.ModuleDict({"denoiser": network})
    loss, _ = matching(pairing=pairing).loss("denoiser", nets, batch, key)
    images = 2 * batch - 1
    drawn = noise.normal(key.fold("noise"), images.shape, like=images)
    start = NOISE_COUPLINGS[pairing](drawn, images)
    torch.testing.assert_close(loss, (images - start).square().mean())
    interpolated, times = network.seen[0]
    assert ((times > 0) & (times < 1)).all()
    share = times[:, None, None, None]
    torch.testing.assert_close(interpolated, (1 - share) * start + share * images)


def cost(noisy: Tensor, images: Tensor) -> float:
    return float((noisy - images).square().sum())


def test_optimal_transport_is_the_best_of_all_orders() -> None:
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        images = torch.rand(6, *SPEC.shape, generator=generator) * 2 - 1
        drawn = torch.randn(6, *SPEC.shape, generator=generator)
        paired = couple_by_optimal_transport(drawn, images)
        best = min(cost(drawn[list(o)], images) for o in itertools.permutations(range(6)))
        assert cost(paired, images) == pytest.approx(best, rel=1e-12)
        assert cost(paired, images) < cost(drawn, images)
        order = sorted(paired.flatten(1)[:, 0].tolist())
        assert order == sorted(drawn.flatten(1)[:, 0].tolist())


def test_optimal_transport_works_under_vmap_and_compile_s_fake_tensors() -> None:
    drawn, images = torch.randn(3, 8, 2, 1, 1), torch.rand(3, 8, 2, 1, 1)
    stacked = torch.vmap(couple_by_optimal_transport, randomness="error")(drawn, images)
    alone = [couple_by_optimal_transport(d, i) for d, i in zip(drawn, images, strict=True)]
    assert torch.equal(stacked, torch.stack(alone))
    weight = torch.ones((), requires_grad=True)
    gradient = torch.func.grad(
        lambda w: couple_by_optimal_transport(drawn[0], w * images[0]).sum()
    )(weight)
    assert float(gradient) == 0
    torch.library.opcheck(torch.ops.genrun.assignment.default, (torch.randn(5, 5),))


def test_values_that_are_not_finite_are_left_to_the_steps_check() -> None:
    drawn, images = torch.randn(4, 2), torch.full((4, 2), torch.nan)
    assert torch.equal(couple_by_optimal_transport(drawn, images), drawn)


@pytest.mark.parametrize("solver", ["euler", "midpoint", "adaptive"])
def test_samples_have_the_datas_mean_and_deviation(solver: str) -> None:
    nets = KnownVelocity(SPEC, MEAN, DEVIATION).nets()
    model = matching(solver=solver, sampling_steps=200 if solver == "euler" else 60)
    samples = 2 * model.sample(nets, 4000, Key.from_seed(2)) - 1
    torch.testing.assert_close(samples.mean(0), MEAN, rtol=0, atol=0.015)
    torch.testing.assert_close(samples.std(0), DEVIATION, rtol=0.05, atol=0)


def test_unknown_choices_are_named_with_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="pairing=best is none of independent, optimal_transport"):
        matching(pairing="best")
    with pytest.raises(ValueError, match="solver=heun is none of euler, midpoint, adaptive"):
        matching(solver="heun")
