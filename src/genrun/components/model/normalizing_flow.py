"""Normalizing flows of coupling layers on zuko's monotonic maps (Dinh et al., 1605.08803)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.distributions import Transform
from torch.nn.functional import logsigmoid

from genrun.components.model._coupling import Coupling, Univariate
from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player

LEVELS = 256  # of a pixel
IMAGES_BOUND = 5.0  # black and white are seen there: zuko's splines are the identity beyond
POINTS_SPREAD = 6.0  # points of the unit square are seen in [-3, 3]^2, where the base has its mass


class Flow(nn.Module):
    """Data in [0, 1] to a standard normal base, and back.

    Images are dequantized and taken to the real line by the logit of `margin + (1 - 2 margin) x`
    (1605.08803, section 4.1), times `scale`; points are centred and spread by a constant.
    """

    def __init__(self, couplings: list[Coupling], spec: DataSpec, margin: float) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(couplings)
        self.spec = spec
        self.margin = margin
        self.scale = IMAGES_BOUND / math.log((1 - margin) / margin)

    def forward(self, data: Tensor, key: Key) -> Tensor:
        """log p in nats, (batch,), of the density in [0, LEVELS]^pixels, or of a point's.

        The latter is in the data's own coordinates (`DataSpec.coordinates`). The former's mean
        over the noise, which `key` is of, is at most log P of the image itself (Theis et al.,
        1511.01844, equation 6).
        """
        values, log_density = self._onto_line(data, key)
        for coupling in self.couplings:
            values, change = coupling(values)
            log_density = log_density + change
        base = -0.5 * (values.square() + math.log(2 * math.pi)).sum(1)
        return base + log_density

    def draw(self, count: int, key: Key) -> Tensor:
        """Data (count, channels, height, width) in [0, 1]; images have values of LEVELS levels."""
        like = next(self.parameters())
        values = noise.normal(key, (count, self.spec.pixels), like=like)
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, Coupling)
            values = coupling.inverse(values)
        if self.spec.points:
            data = values / POINTS_SPREAD + 0.5
        else:
            shares = (torch.sigmoid(values / self.scale) - self.margin) / (1 - 2 * self.margin)
            data = (shares * LEVELS).floor() / (LEVELS - 1)
        return data.clamp(0, 1).view(count, *self.spec.shape)

    def _onto_line(self, data: Tensor, key: Key) -> tuple[Tensor, Tensor]:
        """Values (batch, pixels) in the couplings' range, and log |det| of the way there."""
        if self.spec.points:
            own_scale = math.log(POINTS_SPREAD / (2 * self.spec.extent))
            change = data.new_full((len(data),), self.spec.pixels * own_scale)
            return POINTS_SPREAD * (data.flatten(1) - 0.5), change
        levels = (LEVELS - 1) * data + noise.uniform(key, data.shape, like=data)
        shares = self.margin + (1 - 2 * self.margin) * levels.flatten(1) / LEVELS
        logits = shares.log() - (-shares).log1p()
        # a change of one level moves the share by (1 - 2 margin) / LEVELS
        step = math.log(self.scale * (1 - 2 * self.margin) / LEVELS)
        return self.scale * logits, (step - logsigmoid(logits) - logsigmoid(-logits)).sum(1)


@dataclass(frozen=True)
class NormalizingFlow:
    """Trained on, and judged by, its exact negative log-likelihood in nats an image or point.

    Images are judged with the uniform noise of dequantization, so as densities: an upper bound of
    -log P of the image of 256 levels, which `bits_per_dimension` is of too. Each of `couplings`
    layers moves half of the values by monotonic maps of zuko's (extra `flow`): RealNVP's scale and
    shift (1605.08803), or with `spline_bins` the rational-quadratic splines on [-5, 5] of neural
    spline flows (Durkan et al., 1906.04032). What says how is the backbone, its encoder and
    decoder one behind the other, once for each layer. Coupling layers, as sampling takes a single
    pass of each; a masked autoregressive flow would take one for each pixel.
    """

    couplings: int
    spline_bins: int | None
    logit_margin: float
    monitor = "negative_log_likelihood"
    data_range = (0.0, 1.0)

    def __post_init__(self) -> None:
        _transformation(self.spline_bins)

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        if spec.pixels < 2:
            raise ConfigError("model=normalizing_flow: a coupling needs two values, data has one")
        parameters, univariate = _transformation(self.spline_bins)
        couplings = [
            Coupling(backbone, spec, bool(index % 2), parameters, univariate)
            for index in range(self.couplings)
        ]
        return nn.ModuleDict({"flow": Flow(couplings, spec, self.logit_margin)})

    def players(self) -> tuple[Player, ...]:
        return (Player("flow", networks=("flow",)),)

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        return -_flow(nets)(batch, key).mean(), {}

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        nats = -_flow(nets)(batch, key)
        bits = nats / (batch[0].numel() * math.log(2))
        return {"negative_log_likelihood": nats, "bits_per_dimension": bits}

    def negative_log_likelihood(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        return {"exact": -_flow(nets)(batch, key)}

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        return _flow(nets).draw(count, key)


def _flow(nets: nn.ModuleDict) -> Flow:
    flow = nets["flow"]
    assert isinstance(flow, Flow)
    return flow


def _transformation(spline_bins: int | None) -> tuple[int, Univariate]:
    """The map's number of parameters a value, and what makes it of them."""
    transforms = _zuko_transforms()
    if spline_bins is None:
        return 2, partial(_affine, transforms.MonotonicAffineTransform)
    parts = (spline_bins, spline_bins, spline_bins - 1)  # widths, heights, inner slopes
    return sum(parts), partial(_spline, transforms.MonotonicRQSTransform, parts)


def _affine(transform: Callable[..., Transform], parameters: Tensor) -> Transform:
    return transform(*parameters.unbind(-1))


def _spline(
    transform: Callable[..., Transform], parts: tuple[int, ...], parameters: Tensor
) -> Transform:
    return transform(*torch.split(parameters, list(parts), dim=-1))


def _zuko_transforms() -> ModuleType:
    try:
        from zuko import transforms
    except ImportError as error:
        raise ConfigError(
            "model=normalizing_flow: needs zuko; pip install 'genrun[flow]'"
        ) from error
    found: ModuleType = transforms
    return found
