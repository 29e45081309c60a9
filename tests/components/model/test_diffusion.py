"""EDM (2206.00364) against its formulas, and against normal data whose denoiser is known."""

import math

import pytest
import torch
from torch import Tensor, nn

from genrun.components.model._edm_sampler import Churn, noise_schedule, sample_heun
from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.types import DataSpec
from tests.components.model.known import KnownDenoiser, edm, sorted_normal, spec_of

pytestmark = pytest.mark.usefixtures("float64")
SPEC = DataSpec(1, 4, 4)
MEAN = torch.linspace(-0.4, 0.5, 16, dtype=torch.float64).view(1, 4, 4)
DEVIATION = torch.linspace(0.2, 0.7, 16, dtype=torch.float64).view(1, 4, 4)
NO_CHURN = Churn(0.0, 0.05, 50.0, 1.003)


class Recording(nn.Module):
    """Records its inputs and returns constant images."""

    def __init__(self, output: float) -> None:
        super().__init__()
        self.output, self.seen = output, []

    def forward(self, images: Tensor, levels: Tensor) -> Tensor:
        self.seen.append((images, levels))
        return torch.full_like(images, self.output)


def test_denoiser_is_the_identity_without_noise_and_the_network_with_much() -> None:
    nets, images = nn.ModuleDict({"denoiser": Recording(0.3)}), torch.randn(4, 1, 4, 4)
    model = edm()
    clean = model.denoise(nets, images, torch.full((4,), 1e-9))
    torch.testing.assert_close(clean, images, rtol=0, atol=1e-8)
    far = model.denoise(nets, images, torch.full((4,), 1e9))  # c_skip -> 0, c_out -> sigma_data
    torch.testing.assert_close(far, torch.full_like(far, 0.3 * 0.5))


@pytest.mark.parametrize("sigma", [0.01, 0.3, 2.0, 60.0])
def test_network_sees_and_learns_unit_variance(sigma: float) -> None:
    """Equations 114 and 115, with data of deviation sigma_data; c_noise = ln(sigma) / 4."""
    network, count = Recording(0.0), 4000
    model, nets = edm(), nn.ModuleDict({"denoiser": network})
    images = 0.5 * torch.randn(count, *SPEC.shape)
    noisy = images + sigma * torch.randn_like(images)
    at = torch.full((count,), sigma)
    skipped = model.denoise(nets, noisy, at)
    seen, level = network.seen[0]
    assert float(seen.var()) == pytest.approx(1, rel=0.03)
    torch.testing.assert_close(level, at.log() / 4)
    nets["denoiser"] = Recording(1.0)
    out = (model.denoise(nets, noisy, at) - skipped).mean()
    assert float(((images - skipped) / out).var()) == pytest.approx(1, rel=0.03)


def test_loss_is_weighted_denoising() -> None:
    model, network = edm(noise_mean=-0.5, noise_deviation=0.8), Recording(0.2)
    nets, batch, key = (
        nn.ModuleDict({"denoiser": network}),
        torch.rand(6, *SPEC.shape),
        Key.from_seed(3),
    )
    loss, _ = model.loss("denoiser", nets, batch, key)
    seen, level = network.seen[0]
    sigma = (4 * level).exp()[:, None, None, None]
    noisy = seen * (sigma**2 + 0.25).sqrt()
    drawn = noise.normal(key.fold("noise"), batch.shape, like=batch)
    torch.testing.assert_close(noisy, 2 * batch - 1 + sigma * drawn)
    skip = 0.25 / (sigma**2 + 0.25)  # table 1
    out = sigma * 0.5 / (sigma**2 + 0.25).sqrt()
    weight = (sigma**2 + 0.25) / (sigma * 0.5) ** 2
    expected = (weight * (skip * noisy + out * 0.2 - (2 * batch - 1)) ** 2).mean()
    torch.testing.assert_close(loss, expected)


def test_noise_in_training_is_lognormal() -> None:
    network, count = Recording(0.0), 20000
    nets = nn.ModuleDict({"denoiser": network})
    edm().loss("denoiser", nets, torch.zeros(count, 1, 1, 1), Key.from_seed(1))
    logarithm = 4 * network.seen[0][1]
    assert float(logarithm.mean()) == pytest.approx(-1.2, abs=0.03)
    assert float(logarithm.std()) == pytest.approx(1.2, abs=0.03)


def test_held_out_loss_is_of_the_same_noise_levels_in_expectation() -> None:
    """Known exactly for the optimal denoiser: the weighted posterior variance."""
    spec = spec_of(MEAN)
    nets = KnownDenoiser(0.5, spec, MEAN, DEVIATION).nets()
    images = MEAN + DEVIATION * torch.randn(2000, *spec.shape)
    value = edm().evaluate(nets, (images + 1) / 2, Key.from_seed(0))["denoising_loss"]
    assert value.shape == (2000,)
    sigma = (-1.2 + 1.2 * sorted_normal(4000, MEAN)).exp()[:, None]
    variance = DEVIATION.flatten() ** 2
    left = sigma**2 * variance / (sigma**2 + variance)
    expected = ((sigma**2 + 0.25) / (0.25 * sigma**2) * left).mean()
    assert float(value.mean()) == pytest.approx(float(expected), rel=0.02)


def test_noise_of_the_steps_is_equation_5() -> None:
    deviations = noise_schedule(0.002, 80.0, 7.0, 18)
    assert len(deviations) == 19
    assert deviations[0] == pytest.approx(80)
    assert deviations[-2:] == pytest.approx([0.002, 0])
    root = 80 ** (1 / 7) + 5 / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))
    assert deviations[5] == pytest.approx(root**7)


def flow_error(steps: int) -> float:
    """Of Heun's method to sigma 0.02: along the exact flow distances scale with the deviation."""
    model, nets = edm(), KnownDenoiser(0.5, SPEC, MEAN, DEVIATION).nets()
    start, lowest, highest = MEAN + torch.randn(5, *SPEC.shape, dtype=MEAN.dtype), 0.02, 3.0

    def denoise(noisy: Tensor, sigma: Tensor) -> Tensor:
        return model.denoise(nets, noisy, sigma)

    deviations = noise_schedule(lowest, highest, 7.0, steps)[:-1]
    ends = sample_heun(denoise, start, deviations, NO_CHURN, Key.from_seed(0))
    ratio = ((DEVIATION**2 + lowest**2) / (DEVIATION**2 + highest**2)).sqrt()
    return float((ends - (MEAN + (start - MEAN) * ratio)).abs().max())


def test_heun_is_of_second_order() -> None:
    torch.manual_seed(0)
    errors = []
    for steps in (41, 81, 161):
        torch.manual_seed(1)
        errors.append(flow_error(steps))
    rates = [math.log2(errors[i] / errors[i + 1]) for i in range(2)]
    assert rates == pytest.approx([2, 2], abs=0.15)


@pytest.mark.parametrize("churn", [0.0, 10.0])
def test_samples_have_the_datas_mean_and_deviation(churn: float) -> None:
    # narrow, so that nothing is clamped at 0 and 1
    nets = KnownDenoiser(0.5, SPEC, 0.5 * MEAN, 0.3 * DEVIATION).nets()
    model = edm(sampling_steps=120, churn=churn, churn_lowest=0.01, churn_deviation=1.0)
    samples = 2 * model.sample(nets, 8000, Key.from_seed(2)) - 1
    torch.testing.assert_close(samples.mean(0), 0.5 * MEAN, rtol=0, atol=0.01)
    torch.testing.assert_close(samples.std(0), 0.3 * DEVIATION, rtol=0.03, atol=0)


def test_churn_adds_noise_only_between_its_bounds() -> None:
    nets = KnownDenoiser(0.5, SPEC, MEAN, DEVIATION).nets()
    plain = edm().sample(nets, 3, Key.from_seed(1))
    assert not torch.equal(edm(churn=5.0).sample(nets, 3, Key.from_seed(1)), plain)
    nowhere = edm(churn=5.0, churn_lowest=90.0, churn_highest=95.0)
    assert torch.equal(nowhere.sample(nets, 3, Key.from_seed(1)), plain)


def test_sigma_min_above_sigma_max_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sigma_min=90.0: must be below sigma_max=80.0"):
        edm(sigma_min=90.0)
