"""Coupling layers conditioned by a backbone (Dinh et al., 1410.8516 and 1605.08803)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Transform

from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec

TransformBuilder = Callable[[Tensor], Transform]
"""From parameters (batch, n, parameters) to a monotonic elementwise map of (batch, n)."""

INITIAL_GAIN = 0.1  # of the conditioner's outputs, so that the layer starts near the identity


class CouplingLayer(nn.Module):
    """Keeps half of the values and transforms the others by maps that depend on the kept half.

    The halves are the two colours of a checkerboard over channels, rows and columns; `odd` selects
    the colour that is kept. The conditioner is the backbone's encoder followed by its decoder: it
    takes the image with the transformed half set to 0 and returns `parameters` maps of the
    image's shape. `offset` is added to them, so that positions differ also with a conditioner
    that is equivariant to them.
    """

    kept: Tensor
    moved: Tensor
    seen: Tensor

    def __init__(
        self,
        backbone: Backbone,
        spec: DataSpec,
        odd: bool,
        parameters: int,
        build_transform: TransformBuilder,
    ) -> None:
        super().__init__()
        maps = DataSpec(parameters * spec.channels, spec.height, spec.width)
        self.conditioner = nn.Sequential(
            backbone.build_encoder(spec, None), backbone.build_decoder(maps, None)
        )
        self.gain = nn.Parameter(torch.full((parameters, 1), INITIAL_GAIN))
        self.offset = nn.Parameter(torch.zeros(parameters, spec.pixels))
        self.univariate = build_transform
        self.shape = spec.shape
        colours = [
            (channel + row + column) % 2
            for channel in range(spec.channels)
            for row in range(spec.height)
            for column in range(spec.width)
        ]
        halves = {
            "kept": [index for index, colour in enumerate(colours) if colour == odd],
            "moved": [index for index, colour in enumerate(colours) if colour != odd],
        }
        for name, indices in halves.items():
            self.register_buffer(name, torch.tensor(indices), persistent=False)
        seen = torch.tensor([float(colour == odd) for colour in colours])
        self.register_buffer("seen", seen, persistent=False)

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Returns values (batch, pixels) towards the base, and log |det J|, (batch,)."""
        transform: Any = self._transform(values)  # zuko's class adds a method to torch's
        moved, log_derivative = transform.call_and_ladj(values[:, self.moved])
        return self._with_moved(values, moved), log_derivative.sum(1)

    def inverse(self, values: Tensor) -> Tensor:
        """Returns values (batch, pixels) towards the data."""
        return self._with_moved(values, self._transform(values).inv(values[:, self.moved]))

    def _transform(self, values: Tensor) -> Transform:
        """Returns the map of the transformed half, which depends on the kept half only."""
        images = (values * self.seen).view(len(values), *self.shape)
        maps = self.conditioner(images).reshape(len(values), -1, values.shape[1])
        parameters = self.gain * maps + self.offset
        return self.univariate(parameters[:, :, self.moved].transpose(1, 2))

    def _with_moved(self, values: Tensor, moved: Tensor) -> Tensor:
        return values.index_copy(1, self.moved, moved)
