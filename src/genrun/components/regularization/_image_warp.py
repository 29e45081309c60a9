"""Images at other places: shifts, flips and scalings, linear in the images.

Each axis is a matrix for each image, so that it can be differentiated twice (R1), goes under
`torch.vmap`, and adds in the same order on every device.
"""

from __future__ import annotations

import torch
from torch import Tensor


def resample(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Images (batch, channels, height, width) read at `rows` and `columns`.

    These are places (batch, height) and (batch, width); between pixels it is linear, and outside
    there is 0.
    """
    down = _weights(rows, images.shape[2])[:, None]
    across = _weights(columns, images.shape[3])[:, None]
    return down @ images @ across.mT


def pixels(count: int, like: Tensor) -> Tensor:
    """0 to count - 1, shape (count,)."""
    return torch.arange(count, device=like.device, dtype=like.dtype)


def reflected(places: Tensor, count: int) -> Tensor:
    """Places mirrored at the first and the last of `count` pixels as often as they need it."""
    if count == 1:
        return torch.zeros_like(places)
    last = count - 1
    return last - (places.remainder(2 * last) - last).abs()


def _weights(places: Tensor, count: int) -> Tensor:
    """Of `count` pixels at each place (batch, places), as (batch, places, count)."""
    return (1 - (places[..., None] - pixels(count, places)).abs()).clamp(min=0)
