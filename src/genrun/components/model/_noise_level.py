"""Noise levels of diffusion and flow models: their embedding, and a stratified set of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec

EMBEDDING_DIM = 32  # sines and cosines of a level
# their angular frequencies, suited to levels in a range of about 1 to 3
LOWEST_FREQUENCY, HIGHEST_FREQUENCY = 1.0, 30.0


class NoiseConditionedNetwork(nn.Module):
    """A backbone's denoiser that takes images in [-1, 1] and a noise level for each.

    From images (batch, channels, height, width) and levels (batch,) to the images' shape.
    """

    def __init__(self, backbone: Backbone, spec: DataSpec) -> None:
        super().__init__()
        self.spec = spec
        self.body = backbone.build_denoiser(spec, EMBEDDING_DIM)

    def forward(self, images: Tensor, levels: Tensor) -> Tensor:
        outputs: Tensor = self.body(images, embed_noise_levels(levels))
        return outputs


def get_denoiser(nets: nn.ModuleDict) -> NoiseConditionedNetwork:
    """Returns the only network of a `ProbabilityFlow` model."""
    network = nets["denoiser"]
    assert isinstance(network, NoiseConditionedNetwork)
    return network


def embed_noise_levels(levels: Tensor) -> Tensor:
    """Returns sines and cosines of `levels` (batch,) as (batch, EMBEDDING_DIM), mean square 1.

    Their frequencies are a geometric sequence (Vaswani et al., 1706.03762, section 3.5).
    """
    frequencies = torch.logspace(
        math.log10(LOWEST_FREQUENCY),
        math.log10(HIGHEST_FREQUENCY),
        EMBEDDING_DIM // 2,
        dtype=levels.dtype,
        device=levels.device,
    )
    angles = levels[:, None] * frequencies
    return math.sqrt(2) * torch.cat((angles.sin(), angles.cos()), dim=1)


def stratified_levels(like: Tensor, draw: int, draws: int) -> Tensor:
    """Returns one number in (0, 1) for each row of `like`, shape (batch,).

    The numbers of all `draws` together are evenly spaced, and each row has one in each of
    `draws` equal parts of the interval. A mean over them varies far less than one over random
    numbers.
    """
    positions = torch.arange(len(like), dtype=like.dtype, device=like.device) + draw * len(like)
    return (positions + 0.5) / (len(like) * draws)
