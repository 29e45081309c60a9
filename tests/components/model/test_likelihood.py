"""The probability flow's likelihood against normal densities."""

import math

import pytest
import torch

from genrun.components.backbone.mlp import MLP
from genrun.components.model._ode import SolverSettings
from genrun.components.model._ode_likelihood import integrate_log_density
from genrun.components.model.diffusion import Diffusion
from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.types import DataSpec
from tests.components.model.known import Known, KnownDenoiser, KnownVelocity, edm, matching

pytestmark = pytest.mark.usefixtures("float64")


def known(kind: str, spec: DataSpec) -> tuple[Diffusion, Known]:
    size = spec.pixels
    mean = torch.linspace(-0.3, 0.4, size).view(spec.shape)
    deviation = torch.linspace(0.1, 0.4, size).view(spec.shape)
    if kind == "diffusion":
        return edm(sigma_max=1e5, solver_tolerance=1e-8), KnownDenoiser(0.5, spec, mean, deviation)
    return matching(), KnownVelocity(spec, mean, deviation)


def density(kind: str, network: Known) -> torch.distributions.Normal:
    """Of data in [-1, 1]; a diffusion's are those with noise sigma_min."""
    data = network.data()
    noise_min = 0.002 if kind == "diffusion" else 0.0
    return torch.distributions.Normal(data.loc, (data.scale**2 + noise_min**2).sqrt())


@pytest.mark.parametrize("kind", ["diffusion", "flow_matching"])
def test_points_have_the_normal_density(kind: str) -> None:
    """In the data's own coordinates, in which [-1, 1] is [-2.5, 2.5]."""
    spec = DataSpec(2, 1, 1, points=True, extent=2.5)
    model, network = known(kind, spec)
    batch = torch.rand(7, *spec.shape)
    nats = model.negative_log_likelihood(network.nets(), batch, Key.from_seed(1))[
        "probability_flow_ode"
    ]
    exact = density(kind, network).log_prob(2 * batch - 1).flatten(1).sum(1) - 2 * math.log(2.5)
    torch.testing.assert_close(nats, -exact, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["diffusion", "flow_matching"])
@pytest.mark.parametrize("trace", [16, 0])
def test_images_have_the_mass_of_their_cell(kind: str, trace: int) -> None:
    """A diagonal derivative: Hutchinson's estimate with signs is exact too."""
    spec = DataSpec(1, 4, 3)
    model, network = known(kind, spec)
    model = type(model)(**{**vars(model), "exact_trace_up_to": trace})
    batch, key = torch.randint(256, (5, *spec.shape)) / 255, Key.from_seed(1)
    nats = model.negative_log_likelihood(network.nets(), batch, key)["probability_flow_ode"]
    drawn = noise.uniform(key.fold("cell"), (5, spec.pixels), like=batch).view(batch.shape)
    values = 2 * (batch + (drawn - 0.5) / 255) - 1
    exact = density(kind, network).log_prob(values).flatten(1).sum(1)
    exact = exact + spec.pixels * math.log(2 / 255)
    torch.testing.assert_close(nats, -exact, rtol=0, atol=1e-3)


def test_hutchinson_is_exact_in_expectation_for_a_network() -> None:
    torch.manual_seed(0)
    spec = DataSpec(1, 2, 2)
    model = matching(solver_tolerance=1e-4)
    nets = model.build_networks(MLP(hidden=[16], activation="silu"), spec)
    velocity, _ = model.to_noise(nets.requires_grad_(False))
    one, settings = torch.rand(1, 4), SolverSettings(0, 1e-4)
    exact = integrate_log_density(velocity, one, settings, 4, Key.from_seed(0))[1]
    estimates = integrate_log_density(
        velocity, one.expand(4000, 4), settings, 3, Key.from_seed(0)
    )[1]
    error = float(estimates.std() / 4000**0.5)
    assert error > 0
    assert float(estimates.mean()) == pytest.approx(float(exact), abs=4 * error)
