"""Names beside points, each where it runs into nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

SMALL = 9.0  # points, of the text
GAPS = (7.0, 14.0, 24.0, 36.0)  # points from a mark to its name: as near as there is room
BEHIND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.4}
AROUND = (  # where a name may stand: x, y, how it is aligned; on its own error bars at last
    (0.7, 0.7, "left", "bottom"),
    (0.7, -0.7, "left", "top"),
    (-0.7, 0.7, "right", "bottom"),
    (-0.7, -0.7, "right", "top"),
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
)


def name_points(
    axes: Any, named: Sequence[tuple[float, float, str]], marks: Sequence[Any]
) -> None:
    """Writes each (x, y, name), the first ones first; what finds no room is left out.

    The axes' limits must be final, and its figure laid out. `marks` are all points (x, y) that no
    name may cover.
    """
    renderer = axes.get_figure(root=True).canvas.get_renderer()
    inside = axes.get_window_extent(renderer)
    taken = [_box_of(axes, x, y) for x, y in marks]
    for x, y, name in named:
        for text in _attempts(axes, x, y, name):
            box = text.get_window_extent(renderer).padded(1.5)
            if _contains(inside, box) and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


def _attempts(axes: Any, x: float, y: float, name: str) -> Iterator[Any]:
    for gap in GAPS:
        for across, up, horizontal, vertical in AROUND:
            far = {"arrowprops": {"arrowstyle": "-", "color": "#777777", "linewidth": 0.7}}
            yield axes.annotate(
                name, (x, y), (across * gap, up * gap), textcoords="offset points",
                ha=horizontal, va=vertical, fontsize=SMALL, annotation_clip=False,
                bbox=BEHIND, **(far if gap > GAPS[0] else {}),
            )  # fmt: skip


def _box_of(axes: Any, x: float, y: float) -> Any:
    from matplotlib.transforms import Bbox

    across, up = axes.transData.transform((x, y))
    return Bbox.from_extents(across - 4, up - 4, across + 4, up + 4)


def _contains(outer: Any, inner: Any) -> bool:
    return bool(
        outer.x0 <= inner.x0 and inner.x1 <= outer.x1 and outer.y0 <= inner.y0
        and inner.y1 <= outer.y1
    )  # fmt: skip
