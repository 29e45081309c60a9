"""The flow's density against its Jacobian, its inverse, and the units of its density."""

import builtins
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.distributions import Normal

from genrun.components.backbone.conv import Conv
from genrun.components.backbone.mlp import MLP
from genrun.components.model.normalizing_flow import Flow, NormalizingFlow
from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec

pytest.importorskip("zuko")
pytestmark = pytest.mark.usefixtures("float64")
IMAGES, POINTS = DataSpec(2, 4, 3), DataSpec(2, 1, 1, points=True, extent=2.5)
BODIES: list[tuple[Backbone, DataSpec]] = [
    (MLP([7], "tanh"), IMAGES),
    (Conv([3], [], "leaky_relu", "relu"), IMAGES),
    (MLP([7], "tanh"), POINTS),
]


def flow_of(backbone: Backbone, spec: DataSpec, spline_bins: int | None) -> Flow:
    model = NormalizingFlow(couplings=3, spline_bins=spline_bins, logit_margin=0.05)
    flow = model.build_networks(backbone, spec)["flow"]
    assert isinstance(flow, Flow)
    for name, parameter in flow.named_parameters():
        if name.endswith(("gain", "offset")):
            parameter.data.normal_()  # far from the identity
    return flow


@pytest.mark.parametrize("spline_bins", [None, 4])
@pytest.mark.parametrize(("backbone", "spec"), BODIES)
def test_log_density_is_the_change_of_variables(
    backbone: Backbone, spec: DataSpec, spline_bins: int | None
) -> None:
    flow, key = flow_of(backbone, spec, spline_bins), Key.from_seed(1)
    data = (torch.rand(2, *spec.shape) * 255).round() / 255
    cell = noise.uniform(key, data.shape, like=data)

    def to_base(unit: torch.Tensor) -> torch.Tensor:
        """From [0, 1]^pixels, in which an image's cell is 1/256 wide."""
        values = (
            6 * (unit - 0.5) if spec.points else 5 / math.log(19) * torch.logit(0.05 + 0.9 * unit)
        )
        values = values.unsqueeze(0)
        for coupling in flow.couplings:
            values = coupling(values)[0]
        return values.squeeze(0)

    log_density = flow(data, key)
    for index in range(len(data)):
        unit = (data if spec.points else (255 * data + cell) / 256)[index].flatten()
        jacobian = torch.autograd.functional.jacobian(to_base, unit)
        expected = Normal(0.0, 1.0).log_prob(to_base(unit)).sum() + jacobian.slogdet()[1]
        expected = expected - spec.pixels * math.log(5.0 if spec.points else 256)
        torch.testing.assert_close(log_density[index], expected)


@pytest.mark.parametrize("spline_bins", [None, 4])
@pytest.mark.parametrize(("backbone", "spec"), BODIES)
def test_every_coupling_layer_is_inverted_and_keeps_half(
    backbone: Backbone, spec: DataSpec, spline_bins: int | None
) -> None:
    flow, values = flow_of(backbone, spec, spline_bins), torch.randn(5, spec.pixels)
    kept = []
    for coupling in flow.couplings:
        moved = coupling(values)[0]
        torch.testing.assert_close(coupling.inverse(moved), values)
        kept.append((moved == values).all(0))
        assert kept[-1].sum() == spec.pixels // 2
    assert torch.equal(kept[0], ~kept[1]), "and the next layer moves that half"


def test_points_density_integrates_to_1() -> None:
    flow = flow_of(MLP([7], "tanh"), POINTS, 4)
    side = torch.linspace(-0.5, 1.5, 401)
    grid = torch.cartesian_prod(side, side).view(-1, 2, 1, 1)
    with torch.no_grad():  # a step of the grid is 2 * extent as far in the points' own coordinates
        mass = flow(grid, Key.from_seed(0)).exp().sum() * (5 * (side[1] - side[0])) ** 2
    assert mass == pytest.approx(1, abs=0.01)


def test_samples_are_of_the_flows_levels_and_bits_are_nats() -> None:
    model = NormalizingFlow(couplings=2, spline_bins=None, logit_margin=0.05)
    nets = model.build_networks(MLP([7], "tanh"), IMAGES)
    levels = 255 * model.sample(nets, 50, Key.from_seed(0))
    torch.testing.assert_close(levels, levels.round())
    images = torch.rand(6, *IMAGES.shape)
    values = model.evaluate(nets, images, Key.from_seed(3))
    nats = model.negative_log_likelihood(nets, images, Key.from_seed(3))["exact"]
    torch.testing.assert_close(values["negative_log_likelihood"], nats)
    torch.testing.assert_close(values["bits_per_dimension"], nats / math.log(2) / IMAGES.pixels)
    torch.testing.assert_close(model.loss("flow", nets, images, Key.from_seed(3))[0], nats.mean())


def test_a_missing_zuko_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    original: Callable[..., Any] = builtins.__import__

    def without_zuko(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("zuko"):
            raise ImportError(name)
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_zuko)
    with pytest.raises(ConfigError, match=r"pip install 'genrun\[flow\]'"):
        NormalizingFlow(couplings=2, spline_bins=None, logit_margin=0.05)
