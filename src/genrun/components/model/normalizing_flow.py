"""Normalizing flows of coupling layers (Dinh et al., 1605.08803), with zuko's transforms."""

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

from genrun.components.model._coupling import CouplingLayer, TransformBuilder
from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player

PIXEL_LEVELS = 256
IMAGE_BOUND = 5.0  # black and white are mapped to -5 and 5; zuko's splines are the identity beyond
POINT_SPREAD = 6.0  # the unit square is mapped to [-3, 3]^2, which has most of the base's mass


class Flow(nn.Module):
    """An invertible map of data in [0, 1] to a standard normal base.

    Images are dequantized and mapped to the real line by the logit of `margin + (1 - 2 margin) x`
    (1605.08803, section 4.1), times `scale`; points are centred and scaled by a constant.
    """

    def __init__(self, couplings: list[CouplingLayer], spec: DataSpec, margin: float) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(couplings)
        self.spec = spec
        self.margin = margin
        self.scale = IMAGE_BOUND / math.log((1 - margin) / margin)

    def forward(self, data: Tensor, key: Key) -> Tensor:
        """Returns log p in nats, (batch,), of data (batch, channels, height, width) in [0, 1].

        For points p is the density in the data's own coordinates (`DataSpec.coordinates`). For
        images it is the density in [0, PIXEL_LEVELS]^pixels with dequantization noise from `key`,
        whose mean is at most log P of the image itself (Theis et al., 1511.01844, equation 6).
        """
        values, log_density = self._to_real_line(data, key)
        for coupling in self.couplings:
            values, log_determinant = coupling(values)
            log_density = log_density + log_determinant
        base = -0.5 * (values.square() + math.log(2 * math.pi)).sum(1)
        return base + log_density

    def sample(self, count: int, key: Key) -> Tensor:
        """Returns data (count, channels, height, width) in [0, 1], images quantized to levels."""
        like = next(self.parameters())
        values = noise.normal(key, (count, self.spec.pixels), like=like)
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, CouplingLayer)
            values = coupling.inverse(values)
        if self.spec.points:
            data = values / POINT_SPREAD + 0.5
        else:
            unit = (torch.sigmoid(values / self.scale) - self.margin) / (1 - 2 * self.margin)
            data = (unit * PIXEL_LEVELS).floor() / (PIXEL_LEVELS - 1)
        return data.clamp(0, 1).view(count, *self.spec.shape)

    def _to_real_line(self, data: Tensor, key: Key) -> tuple[Tensor, Tensor]:
        """Returns inputs of the coupling layers, (batch, pixels), and log |det J|, (batch,)."""
        if self.spec.points:
            log_scale = math.log(POINT_SPREAD / (2 * self.spec.extent))
            log_determinant = data.new_full((len(data),), self.spec.pixels * log_scale)
            return POINT_SPREAD * (data.flatten(1) - 0.5), log_determinant
        levels = (PIXEL_LEVELS - 1) * data + noise.uniform(key, data.shape, like=data)
        unit = self.margin + (1 - 2 * self.margin) * levels.flatten(1) / PIXEL_LEVELS
        logits = unit.log() - (-unit).log1p()
        # the derivative of `unit` by the level is (1 - 2 margin) / PIXEL_LEVELS
        step = math.log(self.scale * (1 - 2 * self.margin) / PIXEL_LEVELS)
        return self.scale * logits, (step - logsigmoid(logits) - logsigmoid(-logits)).sum(1)


@dataclass(frozen=True)
class NormalizingFlow:
    """Trained on and evaluated by its exact negative log-likelihood in nats an image or point.

    The likelihood of images is a density, with uniform dequantization noise: an upper bound of
    -log P of the image with 256 levels, also in `bits_per_dimension`. Each of `couplings` layers
    transforms half of the values by monotonic maps from zuko (extra `flow`): the affine maps of
    RealNVP (1605.08803) or, with `spline_bins`, the rational-quadratic splines on [-5, 5] of
    neural spline flows (Durkan et al., 1906.04032). Each layer is conditioned by an encoder and a
    decoder of the backbone. Sampling costs one pass of each layer, where a masked autoregressive
    flow would cost one for each pixel.
    """

    couplings: int
    spline_bins: int | None
    logit_margin: float
    monitor = "negative_log_likelihood"
    data_range = (0.0, 1.0)

    def __post_init__(self) -> None:
        _select_transform(self.spline_bins)

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        if spec.pixels < 2:
            raise ConfigError(
                "model=normalizing_flow: needs at least two values an image; these data have one"
            )
        parameters, build_transform = _select_transform(self.spline_bins)
        couplings = [
            CouplingLayer(backbone, spec, bool(index % 2), parameters, build_transform)
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
        return _flow(nets).sample(count, key)


def _flow(nets: nn.ModuleDict) -> Flow:
    flow = nets["flow"]
    assert isinstance(flow, Flow)
    return flow


def _select_transform(spline_bins: int | None) -> tuple[int, TransformBuilder]:
    """Returns the number of parameters a value, and the function that builds the transform."""
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
