"""Positions, paths and texts of charts, on cases computed by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from genrun.core.plotting import Scale
from genrun.report.charts.chart import Chart, ChartAxis, Line, Point
from genrun.report.charts.resample import (
    collect_steps,
    drop_untrained,
    hold_last_values,
    interpolate_amounts,
    make_value_scale,
    thin_out,
)
from genrun.report.charts.svg import lay_out
from genrun.report.run_info import read_run_infos
from genrun.report.sections.compute import build_compute_section
from genrun.report.sections.pareto_front import find_pareto_front
from genrun.results.collect import collect
from tests.report.made_up import MONITOR, write_run


def test_the_front_holds_what_nothing_is_better_than() -> None:
    places = [(1, 5), (2, 6), (3, 3), (3, 4), (4, 3), (5, 1)]
    front = find_pareto_front([Point(float(x), float(y)) for x, y in places])
    assert [(point.x, point.y) for point in front] == [(1, 5), (3, 3), (5, 1)]


def test_a_failed_run_counts_as_worst_and_a_stopped_one_keeps_its_value(tmp_path: Path) -> None:
    write_run(tmp_path / "a", seed=0, values=(500, 200, 180, 170))
    write_run(tmp_path / "b", seed=1, values=(510, 220), status="stopped_early")
    write_run(tmp_path / "c", seed=2, values=(520, 230), status="diverged")
    a, b, c = collect([tmp_path]).records
    steps = collect_steps([a, b, c])
    assert steps.tolist() == [0, 100, 200, 300]
    assert hold_last_values(b, MONITOR, steps, 520.0).tolist() == [510, 220, 220, 220]
    assert hold_last_values(c, MONITOR, steps, 520.0).tolist() == [520, 230, 520, 520]
    assert interpolate_amounts(a, "seconds", steps).tolist() == [0, 2, 4, 6]
    assert interpolate_amounts(b, "examples", steps).tolist() == [0, 12800, 25600, 38400]


def test_the_ledger_adds_failed_runs_and_knows_what_it_does_not(tmp_path: Path) -> None:
    ledger = {
        "steps": 5, "examples": 10, "flops": 5e9, "energy_joules": 7.0,
        "seconds": {"training": 50.0, "evaluation": 9.0, "saving": 1},
        "peak_memory_bytes": {"host": 2e8, "device": None},
    }  # fmt: skip
    write_run(tmp_path / "a", changes={"compute": ledger})
    write_run(tmp_path / "b", seed=1, status="diverged", changes={"compute": ledger})
    records = collect([tmp_path]).records
    section = build_compute_section(records, read_run_infos(records), [])
    assert section.sentence == (
        "2 runs, 2 min of computing, 10 GFLOPs in training, 14 J; 1 without a result."
    )
    assert [cell.text for cell in section.table.total] == [
        "all", "2 (1 without a result)", "1 min 40 s", "18 s", "2 s", "20", "10 GFLOPs", "200 MB",
        "14 J",
    ]  # fmt: skip
    ledger["energy_joules"] = -3  # which nothing can have taken
    write_run(tmp_path / "c", seed=2, changes={"compute": ledger})
    records = collect([tmp_path]).records
    section = build_compute_section(records, read_run_infos(records), [])
    assert "J" not in section.sentence
    assert "energy" not in section.table.columns
    assert section.table.note.endswith("Energy is not known of all runs.")


def test_untrained_values_are_cut_off_where_they_press_the_rest() -> None:
    points = [Point(0, 500), Point(1, 200), Point(2, 180)]
    assert drop_untrained(points) == points[1:]
    assert drop_untrained([Point(0, 210), *points[1:]]) == [Point(0, 210), *points[1:]]
    scale = make_value_scale([Point(0, 10.0, -1e9, 1e9), Point(1, 20.0)])
    assert (scale.low, scale.high) == pytest.approx((-1.8, 31.8))


def test_lines_are_drawn_where_their_values_are() -> None:
    axis = ChartAxis("x", Scale(0.0, 10.0, False), [])
    line = Line("a", [Point(0, 10, 9, 10, "0", "ten"), Point(10, 0, 0, 1, "10", "none")], 0)
    failed = Line("b", [Point(5, math.inf, x_text="5", text="failed")], 1, "dots")
    drawn = lay_out(Chart("x", axis, axis, [line, failed]))
    assert drawn["lines"][0]["path"] == "M0 0L1000 1000"
    assert drawn["lines"][0]["band"] == "M0 0L1000 900L1000 1000L0 100Z"
    assert drawn["lines"][1]["marks"] == [("50%", "2%", True)]
    assert drawn["hover"]["lines"][0]["points"][0] == [0.0, 0.0, "0", "ten"]
    assert [name["name"] for name in drawn["names"]] == ["a"]


def test_steps_turn_at_right_angles() -> None:
    axis = ChartAxis("x", Scale(0.0, 1.0, False), [])
    line = Line("a", [Point(0, 1), Point(1, 0)], 0, "steps")
    path = lay_out(Chart("x", axis, axis, [line]))["lines"][0]["path"]
    assert path == "M0 0L1000 0L1000 1000"


def test_thinning_keeps_the_ends() -> None:
    assert thin_out(list(range(100)), 5) == [0, 25, 50, 74, 99]
    assert thin_out([1, 2], 5) == [1, 2]
