"""Noise levels: how a network is told them, and even ones to measure a loss at."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec

FEATURES = 32  # numbers that tell a network a level
LOWEST, HIGHEST = 1.0, 30.0  # their angular frequencies, for levels in a range of about 1 to 3


class LevelledNetwork(nn.Module):
    """A backbone's denoiser of images in [-1, 1] whose condition is the noise level, (batch,)."""

    def __init__(self, backbone: Backbone, spec: DataSpec) -> None:
        super().__init__()
        self.spec = spec
        self.body = backbone.build_denoiser(spec, FEATURES)

    def forward(self, images: Tensor, levels: Tensor) -> Tensor:
        outputs: Tensor = self.body(images, features(levels))
        return outputs


def levelled(nets: nn.ModuleDict) -> LevelledNetwork:
    """The one network of such a model."""
    network = nets["denoiser"]
    assert isinstance(network, LevelledNetwork)
    return network


def features(levels: Tensor) -> Tensor:
    """Sines and cosines of `levels` (batch,) as (batch, FEATURES), of unit mean square.

    Their frequencies are a geometric sequence (1706.03762, section 3.5).
    """
    frequencies = torch.logspace(
        math.log10(LOWEST),
        math.log10(HIGHEST),
        FEATURES // 2,
        dtype=levels.dtype,
        device=levels.device,
    )
    angles = levels[:, None] * frequencies
    return math.sqrt(2) * torch.cat((angles.sin(), angles.cos()), dim=1)


def even_levels(like: Tensor, draw: int, draws: int) -> Tensor:
    """One number in (0, 1) for each row of `like`; all `draws` together are evenly spaced.

    A row has one in each `draws`th part. A mean over them varies far less than over random ones.
    """
    places = torch.arange(len(like), dtype=like.dtype, device=like.device) + draw * len(like)
    return (places + 0.5) / (len(like) * draws)
