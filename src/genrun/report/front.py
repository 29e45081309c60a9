"""Quality against compute: every configuration, and the front that none beats in both."""

from __future__ import annotations

import math
from collections.abc import Sequence

from genrun.evidence.curve import AXES, Axis
from genrun.report import numbers
from genrun.report.cast import Member, Scene
from genrun.report.chart import Axis as Side
from genrun.report.chart import Chart, Figure, Line, Point
from genrun.report.ranges import value_scale
from genrun.report.scale import scale_of

FACTOR_FOR_LOG = 20.0
TICKS = 6
MOST_ROWS = 200
FEW = 12  # points that are drawn with their intervals
ORDER: tuple[Axis, ...] = ("flops", "seconds", "examples", "steps")


def front_of(scene: Scene) -> Figure | None:
    """On each axis of compute that is known. None without any configuration that has a value."""
    members = [
        one
        for one in scene.members
        if math.isfinite(one.order) and not one.tried and not one.hopeless
    ]
    charts = [chart for axis in ORDER if (chart := _chart(scene, members, axis)) is not None]
    if not charts:
        return None
    return Figure(
        key=f"front-{scene.key}",
        title=f"{scene.metric} against compute",
        caption="Each configuration's mean of its runs' best values against what training a run "
        "took on average; lower and further left is better. The line joins the Pareto front: no "
        "configuration is better at the same or less compute.",
        charts=charts,
        columns=("configuration", scene.metric, *AXES, "on the front"),
        rows=_rows(members),
    )


def pareto(points: Sequence[Point]) -> list[Point]:
    """Those that no other is lower than at the same or less compute; from left to right."""
    front: list[Point] = []
    for point in sorted(points, key=lambda one: (one.x, one.y)):
        if not front or point.y < front[-1].y:
            front.append(point)
    return front


def spent_by(member: Member, axis: Axis) -> float:
    """The mean over runs of what training took; NaN where it is not known."""
    found = [run.curve.total(axis) for run in member.configuration.runs if not run.left]
    found = [amount for amount in found if math.isfinite(amount)]
    return sum(found) / len(found) if found else math.nan


def _points(members: Sequence[Member], axis: Axis) -> list[tuple[Member, Point]]:
    found = []
    for member in members:
        amount = spent_by(member, axis)
        if member.mean is None or not math.isfinite(amount) or amount <= 0:
            continue
        mean = member.mean
        text = numbers.estimate_text(mean.value, mean.low, mean.high)
        if mean.low is not None:
            text += f" ({numbers.interval_text(mean.low, mean.high)})"
        where = numbers.spent_text(axis, amount)
        point = Point(amount, mean.value, mean.low, mean.high, where, f"{member.name}: {text}")
        found.append((member, point))
    return found


def _chart(scene: Scene, members: Sequence[Member], axis: Axis) -> Chart | None:
    found = _points(members, axis)
    if not found:
        return None
    amounts = [point.x for _, point in found]
    log = max(amounts) > FACTOR_FOR_LOG * min(amounts)
    x = scale_of(amounts, log, margin=0.06)
    y = value_scale([point for _, point in found])
    front = pareto([point for _, point in found])
    edge = Point(x.high, front[-1].y)
    lines = [Line("Pareto front", [*front, edge], None, "front")]
    labels = list(dict.fromkeys(member.contestant for member, _ in found))
    names = {one.label: one.name for one in scene.verdict.standings}
    for label in labels:
        own = [(member, point) for member, point in found if member.contestant == label]
        style = own[0][0].style
        shape = "bars" if len(found) <= FEW else "dots"
        points = [point for _, point in own]
        lines.append(Line(names.get(label, label), points, style, shape))  # type: ignore[arg-type]
    return Chart(
        label=axis if axis != "flops" else "FLOPs",
        x=Side(f"{numbers.UNIT[axis]} a run", x, x.ticks(TICKS)),
        y=Side(scene.metric_label, y, y.ticks(TICKS)),
        lines=lines,
        nearest=True,
    )


def _rows(members: Sequence[Member]) -> list[list[str]]:
    on: dict[int, list[str]] = {}
    for axis in ORDER:
        found = _points(members, axis)
        front = {id(point) for point in pareto([point for _, point in found])}
        for member, point in found:
            if id(point) in front:
                on.setdefault(id(member), []).append("FLOPs" if axis == "flops" else axis)
    return [_row(one, on.get(id(one), [])) for one in members[:MOST_ROWS]]


def _row(member: Member, on: Sequence[str]) -> list[str]:
    mean = member.mean
    value = numbers.NOTHING
    if mean is not None:
        value = numbers.estimate_text(mean.value, mean.low, mean.high)
    amounts = [numbers.spent_text(axis, spent_by(member, axis)) for axis in AXES]
    return [member.name, value, *amounts, ", ".join(on) or numbers.NOTHING]
