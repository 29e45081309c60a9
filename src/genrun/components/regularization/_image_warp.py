"""Resampling of images by separable maps of rows and columns, linear in the images.

Each axis is a matrix product, so that it can be differentiated twice (for R1), works under
`torch.vmap`, and is deterministic on every device.
"""

from __future__ import annotations

import torch
from torch import Tensor


def resample(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Returns images (batch, channels, height, width) sampled at `rows` and `columns`.

    These are positions in pixels, (batch, height) and (batch, width). Linear between pixels, 0
    outside the image.
    """
    down = _weights(rows, images.shape[2])[:, None]
    across = _weights(columns, images.shape[3])[:, None]
    return down @ images @ across.mT


def pixels(count: int, like: Tensor) -> Tensor:
    """Returns 0 to count - 1, shape (count,)."""
    return torch.arange(count, device=like.device, dtype=like.dtype)


def reflect(positions: Tensor, count: int) -> Tensor:
    """Returns positions reflected at the first and last of `count` pixels into their range."""
    if count == 1:
        return torch.zeros_like(positions)
    last = count - 1
    return last - (positions.remainder(2 * last) - last).abs()


def _weights(positions: Tensor, count: int) -> Tensor:
    """Returns the weights of `count` pixels at positions (batch, n), as (batch, n, count)."""
    return (1 - (positions[..., None] - pixels(count, positions)).abs()).clamp(min=0)
