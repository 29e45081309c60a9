"""Saved, lost and regret on worked examples; the Pareto front; several workloads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genrun.replay.outcome import ReplayOutcome
from genrun.replay.summary import summarize_all, summarize_workload

RUN = ReplayOutcome(
    run="a", seed=0, status="finished", step=30, reason="r", end=100, spent=30.0, total=100.0,
    start=10.0, kept=4.0, last=3.0, best=2.0,
)  # fmt: skip
PENDING = replace(RUN, step=None, spent=100.0, kept=2.0)


def test_one_run() -> None:
    assert (RUN.saved, RUN.saved_share, RUN.lost, RUN.regret, RUN.improvement) == (
        70.0,
        0.7,
        1,
        2,
        8,
    )
    assert (PENDING.saved, PENDING.lost, PENDING.regret) == (0.0, -1.0, 0.0)
    assert replace(RUN, spent=0.0, total=0.0).saved_share == 0.0


def test_means_over_runs_include_undecided_ones() -> None:
    panel = summarize_workload(
        "w", "m", [("p", [RUN, replace(RUN, step=50, spent=50.0), PENDING])]
    )
    (result,) = panel.results
    assert (result.runs, result.stopped, result.pending) == (3, 2, (100, 100))
    assert result.step is not None
    assert result.step.value == 40.0
    assert result.saved.value == pytest.approx((0.7 + 0.5 + 0) / 3)
    # Student's t of 0.7, 0.5, 0.0: 0.4 ± 4.3027 * 0.36056 / sqrt(3), clipped to fractions
    assert (result.saved.low, result.saved.high) == (0.0, 1.0)
    assert result.amount is not None
    assert result.amount.value == pytest.approx(40.0)
    assert result.lost.value == pytest.approx(1 / 3)
    assert result.lost.low == pytest.approx(1 / 3 - 4.302653 * 1.154701 / 3**0.5)
    assert result.regret.value == pytest.approx(4 / 3)
    assert result.regret.low == 0.0
    assert panel.keeping.value == -1.0


def test_one_run_has_no_interval() -> None:
    (result,) = summarize_workload("w", "m", [("p", [RUN])]).results
    assert (result.lost.low, result.lost.high) == (None, None)


def test_the_pareto_front() -> None:
    def saving(spent: float, kept: float) -> list[ReplayOutcome]:
        return [replace(RUN, spent=spent, kept=kept)]

    sets = {
        "cheap": saving(10, 9), "good": saving(90, 2), "same as good": saving(90, 2),
        "worse": saving(90, 3), "dearer": saving(91, 2), "middle": saving(50, 5),
    }  # fmt: skip
    panel = summarize_workload("w", "m", list(sets.items()))
    found = {result.label for result in panel.results if result.optimal}
    assert found == {"cheap", "good", "same as good", "middle"}


def test_workloads_have_the_same_weight_and_are_scaled_by_each_runs_improvement() -> None:
    hundredfold = replace(RUN, start=1000.0, kept=400.0, last=300.0, best=200.0, spent=90.0)
    never_improved = replace(RUN, start=2.0, best=2.0)
    panel = summarize_all([("p", [[RUN, RUN, PENDING, never_improved], [hundredfold]])])
    assert panel is not None
    (result,) = panel.results
    assert panel.is_relative
    assert panel.runs == result.runs == 4, "one has no scale"
    assert result.lost.value == pytest.approx(((1 + 1 - 1) / 8 / 3 + 1 / 8) / 2)
    assert result.regret.value == pytest.approx((4 / 8 / 3 + 2 / 8) / 2)
    assert result.saved.value == pytest.approx((1.4 / 3 + 0.1) / 2)
    assert panel.keeping.value == pytest.approx(-1 / 8)
    assert summarize_all([("p", [[never_improved], [never_improved]])]) is None
