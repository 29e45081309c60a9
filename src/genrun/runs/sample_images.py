"""Samples of a run as PNG: grids of images, and points of the plane.

Drawn with Pillow in milliseconds, as training waits for it.
"""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont
from torch import Tensor

from genrun.core.plotting import COLORS, FRAME, INK, Scale
from genrun.core.types import Picture

SHORT_SIDE = 448  # pixels; small images are enlarged by an integer factor so that people see them
SIDE = 448  # pixels of the square that points lie in
LEFT, BOTTOM, MARGIN = 52, 34, 14  # pixels around the square: left, below, above and right
OVERSAMPLING = 2  # drawn so many times larger, then scaled down: that smooths the edges
RADIUS = 1.7  # pixels of a point
FONT_SIZE, TICK_LENGTH = 13, 4  # pixels
MOST_TICKS = 9
POINT = (*ImageColor.getrgb(COLORS[0])[:3], 150)  # of 255: lets what lies below it through
BACKGROUND, PAIR = (150, 150, 150, 110), (150, 150, 150, 90)


def picture_png(picture: Picture) -> bytes:
    """A grid of the images as PNG, or a scatter plot if they are points of the plane."""
    spec, background = picture.spec, picture.background
    if not spec.points:
        return grid_png(picture.images)
    if background is not None:
        background = spec.coordinates(background)
    return scatter_png(spec.coordinates(picture.images), spec.extent, background, picture.pairs)


def grid_png(images: Tensor, columns: int | None = None) -> bytes:
    """Images (count, channels, height, width) in [0, 1] in rows, as PNG.

    Shows the first channel unless there are 1 or 3. With `columns=None` the grid is as square as
    possible.
    """
    count, channels, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    visible = images if channels in (1, 3) else images[:, :1]
    pixels = (visible.clamp(0, 1) * 255).round().byte().cpu().numpy()
    canvas = np.zeros((rows * height, columns * width, pixels.shape[1]), np.uint8)
    for index, cell in enumerate(pixels):
        top, left = (index // columns) * height, (index % columns) * width
        canvas[top : top + height, left : left + width] = cell.transpose(1, 2, 0)
    image = Image.fromarray(canvas.squeeze(2) if canvas.shape[2] == 1 else canvas)
    factor = max(1, SHORT_SIDE // min(image.size))
    size = (image.width * factor, image.height * factor)
    return _png(image.resize(size, Image.Resampling.NEAREST))


def scatter_png(
    points: Tensor, extent: float, background: Tensor | None = None, pairs: bool = False
) -> bytes:
    """Points (count, 2) over grey `background` points (count, 2), as PNG.

    Both axes go from -extent to extent, in the data's own coordinates; what lies further off is
    put on the edge. With `pairs` a line joins each point to the background point of its index.
    """
    size = (LEFT + SIDE + MARGIN, MARGIN + SIDE + BOTTOM)
    image = Image.new("RGB", (OVERSAMPLING * size[0], OVERSAMPLING * size[1]), "white")
    draw = ImageDraw.Draw(image, "RGBA")
    _draw_axes(draw, extent)
    front = _pixels(points, extent)
    back = [] if background is None else _pixels(background, extent)
    if pairs:
        for begin, end in zip(back, front, strict=True):
            draw.line([*begin, *end], PAIR, OVERSAMPLING)
    radius = OVERSAMPLING * RADIUS
    for places, colour in ((back, BACKGROUND), (front, POINT)):
        for x, y in places:
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], colour)
    return _png(image.resize(size, Image.Resampling.BOX))


def _pixels(points: Tensor, extent: float) -> list[tuple[float, float]]:
    """Where points lie on the oversampled canvas, whose y grows downwards."""
    fractions = ((points.detach().cpu().double() / extent + 1) / 2).clamp(0, 1)
    fractions[:, 1] = 1 - fractions[:, 1]
    corner = OVERSAMPLING * fractions.new_tensor([LEFT, MARGIN])
    return [(x, y) for x, y in (corner + OVERSAMPLING * SIDE * fractions).tolist()]


def _draw_axes(draw: ImageDraw.ImageDraw, extent: float) -> None:
    left, top = OVERSAMPLING * LEFT, OVERSAMPLING * MARGIN
    side, length = OVERSAMPLING * SIDE, OVERSAMPLING * TICK_LENGTH
    right, bottom = left + side, top + side
    font = ImageFont.load_default(OVERSAMPLING * FONT_SIZE)
    for tick in Scale(-extent, extent, False).ticks(MOST_TICKS):
        x, y = left + side * tick.at, bottom - side * tick.at
        draw.line([x, bottom, x, bottom + length], FRAME, OVERSAMPLING)
        draw.text((x, bottom + 2 * length), tick.text, INK, font, anchor="mt")
        draw.line([left - length, y, left, y], FRAME, OVERSAMPLING)
        draw.text((left - 2 * length, y), tick.text, INK, font, anchor="rm")
    draw.rectangle([left, top, right, bottom], outline=FRAME, width=OVERSAMPLING)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
