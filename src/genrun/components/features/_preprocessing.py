"""What networks trained on photographs need of other images."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

from genrun.core.errors import ConfigError
from genrun.core.types import DataSpec


def check_supported(name: str, spec: DataSpec) -> None:
    """Raises `ConfigError` for what is neither grey nor in colour."""
    if spec.points or spec.channels not in (1, 3):
        what = "points" if spec.points else f"images of {spec.channels} channels"
        raise ConfigError(f"features={name}: takes grey images or RGB, not {what}")


def expand_to_rgb(images: Tensor) -> Tensor:
    """(count, 1 or 3, height, width) as (count, 3, height, width)."""
    return images.expand(-1, 3, -1, -1)


def resized(images: Tensor, side: int, mode: str) -> Tensor:
    return interpolate(images, (side, side), mode=mode, align_corners=False)
