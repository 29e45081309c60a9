"""Matplotlib without a display: style, colours, and figures as bytes."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

DOTS = 150  # an inch


COLORS = (  # Okabe and Ito: told apart by the colour-blind, too
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C3C",
)  # fmt: skip


MARKERS = "osD^vPXh"


GREY = "#555555"


METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}  # nothing


SETTINGS: dict[Any, Any] = {
    "text.parse_math": False,  # a name with a $ in it is a name
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 11.0,
    "axes.edgecolor": "#888888",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "genrun",  # the same bytes each time
}


def import_beforehand() -> None:
    """Imports what takes half a second, while there is nothing else to do."""
    _quiet()
    import scipy.special  # noqa: F401  # a summary's intervals


def _quiet() -> None:
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it speaks of its cache, and of fonts


@contextmanager
def plain_matplotlib() -> Iterator[None]:
    """With our settings alone, whatever matplotlibrc there is, and silent about its cache."""
    _quiet()
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a character that the font has not
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def picture_bytes(figure: Any, kind: str) -> bytes:
    """As png or svg, the same bytes each time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DOTS, metadata=METADATA[kind])
    return buffer.getvalue()


LARGEST_DRAWABLE = 1e100  # and its inverse the smallest: with more, a plot's arithmetic overflows


def clip_to_drawable(number: float) -> float:
    """The number, or the nearest that an axis can have."""
    if abs(number) < 1 / LARGEST_DRAWABLE:
        return 0.0
    return max(-LARGEST_DRAWABLE, min(LARGEST_DRAWABLE, number))
