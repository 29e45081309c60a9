"""What all pictures share: colours, scales with their ticks, and matplotlib without a display.

The report draws its charts as SVG by itself (docs/decisions/0014), a run its scatter plots with
Pillow, sweeps and replays with matplotlib. matplotlib is imported by the functions that need it.
"""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from genrun.core.formatting import format_tick

# The hues of Okabe and Ito, which the colour-blind tell apart, as dark (as light) as text needs to
# be read on a light (on a dark) ground.
COLORS = (
    "#0a66ad", "#c4450c", "#00785a", "#a3408c", "#946200", "#1f85b8", "#35363b", "#6f6f16",
)  # fmt: skip
DARK_COLORS = (
    "#62b0ee", "#ff8b57", "#3fc69d", "#e594cb", "#e6b04a", "#8ed3f4", "#dedede", "#c3c268",
)  # fmt: skip
BACKGROUND, DARK_BACKGROUND = "#a9a9a4", "#6d7077"  # of lines behind the named ones
MARKERS = "os^DvPXh"  # in the order of the report's own marks
INK, GREY, FRAME, GRID = "#333333", "#555555", "#888888", "#e4e4e4"

LOG_FACTOR = 20.0  # between the lowest and the highest value, from which on an axis is logarithmic
BEYOND = 1.0  # of the values' range that their intervals may add on each side of an axis
LARGEST = 1e100  # and its inverse the smallest size of a drawn number: no arithmetic overflows
STEPS = (1.0, 2.0, 5.0, 10.0)  # between ticks, times a power of ten
MANTISSAS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0))  # of a logarithmic axis's ticks, fewest first
MOST_DIGITS = 12  # of a tick
CHARACTER, GAP = 0.0125, 0.02  # of an axis: the width of a tick's character, and between two texts

DOTS_PER_INCH = 150
METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}  # no time, no name
SETTINGS: dict[Any, Any] = {
    "text.parse_math": False,  # a name with a $ in it is a name
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 11.0,
    "axes.edgecolor": FRAME,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "genrun",  # the same bytes each time
}


@dataclass(frozen=True)
class Tick:
    """A named value of an axis, at a fraction of its length."""

    value: float
    at: float
    text: str


@dataclass(frozen=True)
class Scale:
    """An axis from `low` at 0 to `high` at 1."""

    low: float
    high: float
    log: bool

    def at(self, value: float) -> float:
        """The fraction of the axis; beyond 0 and 1 for values beyond the ends."""
        if not self.log:
            return (value - self.low) / (self.high - self.low)
        if value <= 0:
            return -math.inf
        low, high = math.log(self.low), math.log(self.high)
        return (math.log(value) - low) / (high - low)

    def pad(self, below: float, above: float) -> Scale:
        """The scale with these fractions of its length added at its ends."""
        if self.log:
            ratio = self.high / self.low
            return Scale(self.low / ratio**below, self.high * ratio**above, True)
        size = self.high - self.low
        return Scale(self.low - below * size, self.high + above * size, False)

    def ticks(self, most: int, integers: bool = False) -> list[Tick]:
        """Round values, at most `most` of them; without fractions if `integers`."""
        values = self._log_values(most) if self.log else []
        if len(values) < 2:
            values = self._even_values(most, 1.0 if integers else 0.0)
        return self.name(values)

    def name(self, values: Sequence[float]) -> list[Tick]:
        """Ticks at these values, with as many digits as tell their texts apart."""
        for digits in range(4, MOST_DIGITS + 1):
            texts = [format_tick(value, digits) for value in values]
            if len(set(texts)) == len(set(values)):
                break
        return [Tick(v, self.at(v), text) for v, text in zip(values, texts, strict=True)]

    def _even_values(self, most: int, least: float) -> list[float]:
        step = _round_step(max((self.high - self.low) / (most + 1), least))
        while True:
            first = math.ceil(self.low / step - 1e-9)
            last = math.floor(self.high / step + 1e-9)
            if last - first + 1 <= most:
                break
            step = _round_step(step * 1.5)
        return [n * step for n in range(first, last + 1) if not self.log or n > 0]

    def _log_values(self, most: int) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        decades = [10.0**power for power in range(first, last + 1)]
        found: list[float] = []
        for mantissas in MANTISSAS:
            values = [m * decade for decade in decades for m in mantissas]
            within = [v for v in values if self.low * 0.999 <= v <= self.high * 1.001]
            if len(within) > most:
                break
            found = within
        if not found:
            found = [v for v in decades if self.low <= v <= self.high]
            found = found[:: math.ceil(len(found) / most)] if found else []
        return found


def make_scale(values: Sequence[float], log: bool = False, margin: float = 0.0) -> Scale:
    """From the lowest to the highest finite value, with `margin` of that length at both ends.

    Logarithmic if `log` and all values are above 0.
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = clip_to_drawable(min(finite)), clip_to_drawable(max(finite))
    if log and low > 0:
        return Scale(low, high, True).pad(margin, margin) if high > low else _widen(low)
    size = high - low
    if size <= max(high, -low, 1 / LARGEST) * 1e-12:
        size, margin = max(high, -low, 1 / LARGEST), max(margin, 0.1)
        return Scale(low - margin * size, high + margin * size, False)
    return Scale(low, high, False).pad(margin, margin)


def fit_scale(
    values: Sequence[float],
    ends: Sequence[float],
    log: bool = True,
    margin: float = 0.0,
    beyond: float = BEYOND,
) -> Scale:
    """A scale for all finite `values`, and for their intervals' `ends` as far as that is readable.

    The ends add at most `beyond` times the values' range on each side. Logarithmic if `log` and
    the values suit it.
    """
    values = [value for value in values if math.isfinite(value)]
    if not values:
        return make_scale([])
    log = log and is_logarithmic(values)
    low, high = min(values), max(values)
    room = beyond * (high - low)
    kept = [min(max(end, low - room), high + room) for end in ends if end > 0 or not log]
    return make_scale([*values, *kept], log, margin)


def is_logarithmic(values: Sequence[float]) -> bool:
    """Whether values are positive and differ by so much that they need a logarithmic axis."""
    return min(values) > 0 and max(values) > LOG_FACTOR * min(values)


def drop_overlapping(ticks: Sequence[Tick]) -> list[Tick]:
    """The ticks, from the left, whose text does not run into the one before."""
    kept: list[Tick] = []
    free = -math.inf
    for tick in ticks:
        half = len(tick.text) * CHARACTER / 2
        if tick.at - half >= free:
            kept.append(tick)
            free = tick.at + half + GAP
    return kept


def clip_to_drawable(number: float) -> float:
    """The number, or the nearest that an axis can have."""
    if abs(number) < 1 / LARGEST:
        return 0.0
    return max(-LARGEST, min(LARGEST, number))


def _widen(value: float) -> Scale:
    return Scale(value / 2, value * 2, True)


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in STEPS if step * power >= least * (1 - 1e-9))


@contextmanager
def isolated_matplotlib() -> Iterator[None]:
    """matplotlib with our settings alone, whatever matplotlibrc there is, and without messages."""
    _silence()
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a character that the font has not
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def set_axis(axes: Any, which: str, scale: Scale, ticks: Sequence[Tick], **style: Any) -> None:
    """Sets the scale and the ticks of the x or y axis."""
    from matplotlib.ticker import NullLocator

    axis = {"x": axes.xaxis, "y": axes.yaxis}[which]
    if scale.log:
        axes.set(**{f"{which}scale": "log"})
    axes.set(**{f"{which}lim": (scale.low, scale.high)})
    axis.set_ticks([tick.value for tick in ticks], [tick.text for tick in ticks], **style)
    axis.set_minor_locator(NullLocator())


def style_line(number: int) -> dict[str, str]:
    """Colour and marker of the line or group of this number."""
    return {"color": COLORS[number % len(COLORS)], "marker": MARKERS[number % len(MARKERS)]}


def picture_bytes(figure: Any, kind: str) -> bytes:
    """The figure as png or svg, the same bytes each time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, metadata=METADATA[kind])
    return buffer.getvalue()


def import_beforehand() -> None:
    """Imports what a summary's intervals need and takes half a second, while a sweep waits."""
    _silence()
    import scipy.special  # noqa: F401


def _silence() -> None:
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # notes about its cache and fonts
