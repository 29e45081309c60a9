"""Conversion of images to the input of networks trained on photographs."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

from genrun.core.errors import ConfigError
from genrun.core.types import DataSpec


def check_supported(name: str, spec: DataSpec) -> None:
    """Raises `ConfigError` if the data are neither grey nor RGB images."""
    if spec.points or spec.channels not in (1, 3):
        kind = "points" if spec.points else f"images of {spec.channels} channels"
        raise ConfigError(f"features={name}: needs grey or RGB images, not {kind}")


def expand_to_rgb(images: Tensor) -> Tensor:
    """Returns images (count, 1 or 3, height, width) as (count, 3, height, width)."""
    return images.expand(-1, 3, -1, -1)


def resize(images: Tensor, side: int, mode: str) -> Tensor:
    return interpolate(images, (side, side), mode=mode, align_corners=False)
