"""Dropout (Srivastava et al., JMLR 15, 2014), with noise from a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from genrun.core import noise


class KeyedDropout(nn.Module):
    """Zeroes each value with probability `p` in training and scales the others by 1 / (1 - p)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return inputs
        drawn = noise.uniform(noise.next_layer_key(), inputs.shape, like=inputs)
        return inputs * (drawn >= self.p).to(inputs.dtype) / (1 - self.p)


@dataclass(frozen=True)
class Dropout:
    """Adds dropout after the activation of every hidden layer."""

    networks: Sequence[str] | None
    p: float
    before_activation = False

    def build_layer(self, channels: int, spatial: bool) -> nn.Module:
        return KeyedDropout(self.p)
