"""Points of the plane as PNG, drawn in milliseconds: a run draws them while it trains."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from genrun.core.types import Picture

# MERGED: What a run draws, as PNG: grids of images, and points.
SHORT_SIDE = 448  # pixels; small images are enlarged by a whole factor so that people see them


def picture_png(picture: Picture) -> bytes:
    """A grid of the images, or where they are points a scatter plot in their own coordinates."""
    spec, behind = picture.spec, picture.background
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


SIDE = 448  # pixels of the square that the points lie in
LEFT, BELOW, AROUND = 52, 34, 14  # pixels beside it
FINER = 2  # drawn so many times larger, then scaled down: that smoothes the edges
RADIUS = 1.7  # pixels of a point
FONT_SIZE, TICK = 13, 4  # pixels
MOST_TICKS = 9
INK, FRAME = "#333333", "#888888"
POINT, BEHIND, LINE = (0, 114, 178, 150), (150, 150, 150, 110), (150, 150, 150, 90)


def scatter_png(
    points: Tensor, extent: float, behind: Tensor | None = None, pairs: bool = False
) -> bytes:
    """Points (count, 2) over grey ones `behind`, as the bytes of a PNG.

    Both axes go from -extent to extent, in the data's own coordinates; what lies further off is
    put on the edge. With `pairs` a line joins each point to the one behind it of its number.
    """
    size = (FINER * (LEFT + SIDE + AROUND), FINER * (AROUND + SIDE + BELOW))
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image, "RGBA")
    _draw_axes(draw, extent)
    places = _places(points, extent)
    under = [] if behind is None else _places(behind, extent)
    if pairs:
        for begin, end in zip(under, places, strict=True):
            draw.line([*begin, *end], LINE, FINER)
    for given, colour in ((under, BEHIND), (places, POINT)):
        reach = FINER * RADIUS
        for x, y in given:
            draw.ellipse([x - reach, y - reach, x + reach, y + reach], colour)
    smaller = image.resize((size[0] // FINER, size[1] // FINER), Image.Resampling.BOX)
    buffer = io.BytesIO()
    smaller.save(buffer, format="PNG")
    return buffer.getvalue()


def _places(points: Tensor, extent: float) -> list[tuple[float, float]]:
    """Where points lie on the finer canvas, whose y grows downwards."""
    shares = ((points.detach().cpu().double() / extent + 1) / 2).clamp(0, 1)
    shares[:, 1] = 1 - shares[:, 1]
    corner = FINER * shares.new_tensor([LEFT, AROUND])
    return [(x, y) for x, y in (corner + FINER * SIDE * shares).tolist()]


def _draw_axes(draw: ImageDraw.ImageDraw, extent: float) -> None:
    left, top = FINER * LEFT, FINER * AROUND
    right, bottom = left + FINER * SIDE, top + FINER * SIDE
    font = ImageFont.load_default(FINER * FONT_SIZE)
    for value in ticks(extent):
        along = FINER * SIDE * (value / extent + 1) / 2
        text = f"{value:g}"
        draw.line([left + along, bottom, left + along, bottom + FINER * TICK], FRAME, FINER)
        draw.text((left + along, bottom + 2 * FINER * TICK), text, INK, font, anchor="mt")
        draw.line([left - FINER * TICK, bottom - along, left, bottom - along], FRAME, FINER)
        draw.text((left - 2 * FINER * TICK, bottom - along), text, INK, font, anchor="rm")
    draw.rectangle([left, top, right, bottom], outline=FRAME, width=FINER)


def ticks(extent: float) -> list[float]:
    """At most nine multiples of 1, 2 or 5 times a power of ten, from -extent to extent."""
    power = 10.0 ** math.floor(math.log10(extent))
    steps = (power * factor for factor in (0.2, 0.5, 1.0, 2.0))
    step = next(s for s in steps if 2 * math.floor(extent / s) + 1 <= MOST_TICKS)
    most = math.floor(extent / step)
    return [step * number for number in range(-most, most + 1)]
