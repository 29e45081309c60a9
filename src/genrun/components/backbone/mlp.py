"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from genrun.core.layers import HiddenLayer, make_activation
from genrun.core.types import DataSpec


class _FromImages(nn.Sequential):
    """Layers applied to flattened images, (batch, channels, height, width)."""

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = super().forward(images.flatten(1))  # type: ignore[no-untyped-call]
        return outputs


class _ToImages(nn.Sequential):
    """Layers whose output (batch, pixels) is reshaped to images of `shape`."""

    def __init__(self, shape: Sequence[int], *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.shape = shape

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = super().forward(inputs)  # type: ignore[no-untyped-call]
        return outputs.view(-1, *self.shape)


class _Denoiser(nn.Module):
    """From images and a condition to images; the condition is an input of every hidden layer."""

    def __init__(self, shape: Sequence[int], hidden: Sequence[nn.Module], last: nn.Module) -> None:
        super().__init__()
        self.shape = shape
        self.hidden = nn.ModuleList(hidden)
        self.last = last

    def forward(self, images: Tensor, condition: Tensor) -> Tensor:
        features = images.flatten(1)
        for layer in self.hidden:
            features = layer(torch.cat((features, condition), dim=1))
        outputs: Tensor = self.last(features)
        return outputs.view(-1, *self.shape)


@dataclass(frozen=True)
class MLP:
    """Hidden layers of the widths `hidden`, in the order of an encoder; decoders reverse it."""

    hidden: Sequence[int]
    activation: str

    def build_encoder(self, spec: DataSpec, outputs: int | None) -> nn.Module:
        widths = [spec.pixels, *self.hidden]
        if outputs is None:
            self._require_features()
        return _FromImages(*self._hidden(widths), *_head(widths[-1], outputs))

    def build_decoder(self, spec: DataSpec, inputs: int | None) -> nn.Module:
        widths = [*reversed(self.hidden)]
        if inputs is None:
            self._require_features()
        else:
            widths = [inputs, *widths]
        return _ToImages(spec.shape, *self._hidden(widths), nn.Linear(widths[-1], spec.pixels))

    def build_denoiser(self, spec: DataSpec, conditions: int) -> nn.Module:
        """Returns a network with the hidden layers of an encoder, then those of a decoder."""
        widths = [spec.pixels, *self.hidden, *reversed(self.hidden)]
        hidden = [
            self._layer(fan_in + conditions, fan_out) for fan_in, fan_out in pairwise(widths)
        ]
        return _Denoiser(spec.shape, hidden, nn.Linear(widths[-1], spec.pixels))

    def _hidden(self, widths: Sequence[int]) -> list[nn.Module]:
        return [self._layer(fan_in, fan_out) for fan_in, fan_out in pairwise(widths)]

    def _layer(self, fan_in: int, fan_out: int) -> nn.Module:
        linear = nn.Linear(fan_in, fan_out)
        return HiddenLayer(linear, make_activation(self.activation), fan_out, spatial=False)

    def _require_features(self) -> None:
        if not self.hidden:
            raise ValueError("hidden=[]: has no features to use as the code; set latent_dim")


def _head(features: int, outputs: int | None) -> list[nn.Module]:
    return [] if outputs is None else [nn.Linear(features, outputs)]
