"""What a run draws, as PNG: grids of images, and points."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image
from torch import Tensor

from genrun.core.types import Picture
from genrun.runs.sample_images import scatter_png

SHORT_SIDE = 448  # pixels; small images are enlarged by a whole factor so that people see them


def picture_png(picture: Picture) -> bytes:
    """A grid of the images, or where they are points a scatter plot in their own coordinates."""
    spec, behind = picture.spec, picture.behind
    if not spec.points:
        return grid_png(picture.images)
    under = None if behind is None else spec.coordinates(behind)
    return scatter_png(spec.coordinates(picture.images), spec.extent, under, picture.pairs)


def grid_png(images: Tensor, columns: int | None = None) -> bytes:
    """Images (count, channels, height, width) in [0, 1] in rows, as the bytes of a PNG.

    Shows the first channel where there are neither 1 nor 3. With `columns=None` the grid is as
    square as it can be.
    """
    count, channels, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    shown = images if channels in (1, 3) else images[:, :1]
    pixels = (shown.clamp(0, 1) * 255).round().byte().cpu().numpy()
    canvas = np.zeros((rows * height, columns * width, pixels.shape[1]), np.uint8)
    for index, picture in enumerate(pixels):
        top, left = (index // columns) * height, (index % columns) * width
        canvas[top : top + height, left : left + width] = picture.transpose(1, 2, 0)
    image = Image.fromarray(canvas.squeeze(2) if canvas.shape[2] == 1 else canvas)
    factor = max(1, SHORT_SIDE // min(image.size))
    size = (image.width * factor, image.height * factor)
    enlarged = image.resize(size, Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    enlarged.save(buffer, format="PNG")
    return buffer.getvalue()
