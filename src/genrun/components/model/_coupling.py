"""Coupling layers whose conditioners are backbones (Dinh et al., 1410.8516 and 1605.08803)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Transform

from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec

Univariate = Callable[[Tensor], Transform]
"""What makes a monotonic map of numbers (batch, n) from its parameters (batch, n, parameters)."""

FIRST_GAIN = 0.1  # of a new conditioner: the layer begins near the identity


class Coupling(nn.Module):
    """Half of the values stay, and say how each of the others is moved.

    The halves are the two colours of a checkerboard over channels, rows and columns; `odd` says
    which colour stays. The conditioner is the backbone's encoder and its decoder behind it: it
    sees the image with the moved half at 0 and gives `parameters` maps. `offset` is added to them,
    so that a conditioner that is blind to places can treat them differently.
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
        univariate: Univariate,
    ) -> None:
        super().__init__()
        maps = DataSpec(parameters * spec.channels, spec.height, spec.width)
        self.conditioner = nn.Sequential(
            backbone.build_encoder(spec, None), backbone.build_decoder(maps, None)
        )
        self.gain = nn.Parameter(torch.full((parameters, 1), FIRST_GAIN))
        self.offset = nn.Parameter(torch.zeros(parameters, spec.pixels))
        self.univariate = univariate
        self.shape = spec.shape
        colours = [
            (channel + row + column) % 2
            for channel in range(spec.channels)
            for row in range(spec.height)
            for column in range(spec.width)
        ]
        places = {
            "kept": [place for place, colour in enumerate(colours) if colour == odd],
            "moved": [place for place, colour in enumerate(colours) if colour != odd],
        }
        for name, indices in places.items():
            self.register_buffer(name, torch.tensor(indices), persistent=False)
        seen = torch.tensor([float(colour == odd) for colour in colours])
        self.register_buffer("seen", seen, persistent=False)

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Towards the base: values (batch, pixels), and log |det| of the Jacobian, (batch,)."""
        transform: Any = self._move(values)  # zuko's, which torch's type says less of
        moved, change = transform.call_and_ladj(values[:, self.moved])
        return self._with(values, moved), change.sum(1)

    def inverse(self, values: Tensor) -> Tensor:
        """Back from the base: both (batch, pixels)."""
        return self._with(values, self._move(values).inv(values[:, self.moved]))

    def _move(self, values: Tensor) -> Transform:
        """The map of the moved half, which both directions can tell from the kept one."""
        images = (values * self.seen).view(len(values), *self.shape)
        maps = self.conditioner(images).reshape(len(values), -1, values.shape[1])
        parameters = self.gain * maps + self.offset
        return self.univariate(parameters[:, :, self.moved].transpose(1, 2))

    def _with(self, values: Tensor, moved: Tensor) -> Tensor:
        return values.index_copy(1, self.moved, moved)
