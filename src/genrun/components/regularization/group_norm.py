"""Group normalization (Wu and He, 1803.08494)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from genrun.core.errors import ConfigError
from genrun.core.layers import HiddenLayer


@dataclass(frozen=True)
class GroupNorm:
    """Normalizes each image's hidden channels in `groups` groups, before the activation.

    Each group is normalized over its channels, height and width (equation 7). A dense layer has
    one value a channel, and so needs at least two channels a group.
    """

    networks: Sequence[str] | None
    groups: int
    eps: float
    affine: bool
    before_activation = True

    def check_hidden_layers(self, layers: Sequence[HiddenLayer]) -> None:
        common = math.gcd(*(layer.channels for layer in layers))
        narrowest = min((layer.channels for layer in layers if not layer.spatial), default=None)
        most = common if narrowest is None else min(common, narrowest // 2)
        allowed = [number for number in range(1, most + 1) if common % number == 0]
        if self.groups in allowed:
            return
        widths = " ".join(str(width) for width in sorted({layer.channels for layer in layers}))
        raise ConfigError(
            f"regularization.group_norm.groups={self.groups}: with hidden layers of {widths} "
            f"channels it must be one of {', '.join(map(str, allowed)) or 'none'}"
        )

    def build_layer(self, channels: int, spatial: bool) -> nn.Module:
        return nn.GroupNorm(self.groups, channels, eps=self.eps, affine=self.affine)
