"""Time to a target, and what several workloads say together, on cases worked by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from genrun.comparison.aggregate import MARKS, RATIOS
from genrun.comparison.compare import compare_runs
from genrun.comparison.options import CompareOptions
from genrun.comparison.verdict import Aggregate
from genrun.core.errors import ConfigError
from genrun.results.record import RunRecord
from tests.results.made_up import made_record

Curves = dict[tuple[str, str], list[list[float]]]  # by optimizer and model: one a seed


def runs_of(folder: Path, curves: Curves, **said: object) -> list[RunRecord]:
    return [
        made_record(
            folder / f"{name}-{model}-{seed}", values, seed,
            choices={"optimizer": name, "model": model}, **said,
        )
        for (name, model), own in curves.items()
        for seed, values in enumerate(own)
    ]  # fmt: skip


def test_first_evaluation_at_or_under_the_target(tmp_path: Path) -> None:
    """adam: steps 20, 10 and a miss; sgd: one of three reaches it."""
    curves: Curves = {
        ("adam", "vae"): [[9, 6, 5], [9, 4, 3], [9, 8, 7]],
        ("sgd", "vae"): [[9, 8, 5], [9, 8, 7], [9, 8, 7]],
    }
    verdict = compare_runs(runs_of(tmp_path, curves, seconds=0.25), CompareOptions(target=5.0))
    adam, sgd = verdict.workloads[0].standings
    times = {axis: time.median for axis, time in adam.times.items()}
    assert times == {"steps": 20, "seconds": 5.0, "examples": 160, "flops": 20_000}
    assert adam.times["steps"].by_seed == {0: 20, 1: 10, 2: math.inf}
    assert (adam.times["steps"].reached, adam.times["steps"].runs) == (2, 3)
    assert sgd.times["steps"].missed
    assert (sgd.times["steps"].reached, sgd.times["steps"].median) == (1, math.inf)


def test_a_failed_run_misses_whatever_it_had_reached(tmp_path: Path) -> None:
    records = runs_of(tmp_path, {("adam", "vae"): [[9, 5]], ("sgd", "vae"): [[9, 5]]})
    records.append(
        made_record(tmp_path / "bad", [9, 1], 1, status="diverged", choices={"optimizer": "sgd"})
    )
    verdict = compare_runs(records, CompareOptions(target=6.0))
    sgd = next(one for one in verdict.workloads[0].standings if one.name == "sgd")
    assert sgd.times["steps"].by_seed == {0: 10, 1: math.inf}


def test_a_baseline_sets_the_target_by_its_median(tmp_path: Path) -> None:
    """Bests 4, 6, 8, 10: median 7, which two of its own four reach, the second at step 20."""
    curves: Curves = {
        ("adam", "vae"): [[20, 12, 4], [20, 6, 6], [20, 9, 8], [20, 11, 10]],
        ("sgd", "vae"): [[20, 7, 3]] * 4,
    }
    verdict = compare_runs(runs_of(tmp_path, curves), CompareOptions(baseline="adam"))
    target = verdict.workloads[0].target
    assert target is not None
    assert target.value == 7
    assert target.rule == "the median best of adam's 4 runs on held-out images"
    times = {one.name: one.times["steps"] for one in verdict.workloads[0].standings}
    assert (times["adam"].median, times["adam"].reached) == (20, 2)
    assert (times["sgd"].median, times["sgd"].reached) == (10, 4)


def test_a_baseline_that_sets_none(tmp_path: Path) -> None:
    records = runs_of(tmp_path, {("adam", "vae"): [[9, 5]], ("sgd", "vae"): [[9, 5]]})
    with pytest.raises(ConfigError, match="baseline=adm: must be one of adam, sgd; did you mean"):
        compare_runs(records, CompareOptions(baseline="adm"))
    records.append(
        made_record(tmp_path / "x", [9], 3, status="failed", choices={"optimizer": "adam"})
    )
    with pytest.raises(ConfigError, match="baseline=adam: half of its runs failed"):
        compare_runs(records, CompareOptions(baseline="adam"))


def test_seconds_that_are_not_known_are_no_miss(tmp_path: Path) -> None:
    records = runs_of(tmp_path, {("adam", "vae"): [[9, 5]], ("sgd", "vae"): [[9, 5]]})
    (tmp_path / "adam-vae-0" / "timings.jsonl").unlink()
    from tests.results.made_up import record_of

    records[0] = record_of(tmp_path / "adam-vae-0")
    verdict = compare_runs(records, CompareOptions(target=6.0))
    adam = next(one for one in verdict.workloads[0].standings if one.name == "adam")
    assert set(adam.times) == {"steps", "examples", "flops"}


@pytest.fixture
def aggregate(tmp_path: Path) -> Aggregate:
    """Targets 5 in both models. Steps of adam 10, 30; of sgd 20, 10; ratios 1, 3 and 2, 1."""
    curves: Curves = {
        ("adam", "vae"): [[9, 5, 1, 1]] * 2,
        ("sgd", "vae"): [[9, 7, 5, 5]] * 2,
        ("adam", "iwae"): [[17, 9, 9, 5]] * 2,
        ("sgd", "iwae"): [[17, 5, 1, 1]] * 2,
    }
    verdict = compare_runs(
        runs_of(tmp_path, curves), CompareOptions(by=("optimizer",), target=5.0)
    )
    assert [workload.label for workload in verdict.workloads] == ["model=vae", "model=iwae"]
    assert verdict.sentences[0].startswith("model=vae: ")
    assert verdict.aggregate is not None
    return verdict.aggregate


def test_score_and_profile(aggregate: Aggregate) -> None:
    """AlgoPerf: the mean of max(0, 4 - r) / 3: adam (3 + 1) / 6, sgd (2 + 3) / 6."""
    scores = {one.name: one.score for one in aggregate.standings}
    assert scores == {"adam": pytest.approx(4 / 6), "sgd": pytest.approx(5 / 6)}
    reached = {one.name: one.reached for one in aggregate.standings}
    for ratio, adam, sgd in [(1.0, 0.5, 0.5), (2.0, 0.5, 1.0), (3.0, 1.0, 1.0)]:
        place = RATIOS.index(ratio)
        assert (reached["adam"] or [])[place] == adam
        assert (reached["sgd"] or [])[place] == sgd


def test_values_are_normalized_in_each_workload(aggregate: Aggregate) -> None:
    """vae: from 1 to 9, adam 0, sgd 0.5. iwae: from 1 to 17, adam 0.25, sgd 0."""
    means = {one.name: one.mean.value for one in aggregate.standings}
    assert means == {"adam": pytest.approx(0.125), "sgd": pytest.approx(0.25)}
    assert [one.name for one in aggregate.standings] == ["adam", "sgd"]
    within = {one.name: one.within for one in aggregate.standings}
    place = MARKS.index(0.25)
    assert (within["adam"][place], within["sgd"][place]) == (1.0, 0.5)


def test_probability_over_workloads_is_the_mean_of_each(aggregate: Aggregate) -> None:
    (pair,) = aggregate.pairs
    assert (pair.first, pair.second) == ("optimizer=adam", "optimizer=sgd")
    assert pair.improvement.value == 0.5


def test_a_failure_is_the_end_of_the_scale(tmp_path: Path) -> None:
    curves: Curves = {
        (name, model): [[9, 1]] for name in ("adam", "sgd") for model in ("vae", "iwae")
    }
    records = [
        *runs_of(tmp_path, {key: own for key, own in curves.items() if key[0] == "adam"}),
        *runs_of(tmp_path, {key: own for key, own in curves.items() if key[0] == "sgd"},
                 status="diverged"),
    ]  # fmt: skip
    aggregate = compare_runs(records, CompareOptions(by=("optimizer",))).aggregate
    assert aggregate is not None
    assert {one.name: one.mean.value for one in aggregate.standings} == {"adam": 0, "sgd": 1}
    assert all(one.score is None for one in aggregate.standings)


def test_one_target_for_several_metrics_is_refused(tmp_path: Path) -> None:
    records = runs_of(tmp_path, {("adam", "vae"): [[9, 5]], ("sgd", "vae"): [[9, 5]]})
    records += runs_of(tmp_path / "other", {("adam", "ae"): [[1.0]]}, monitor="mse")
    with pytest.raises(ConfigError, match="several metrics"):
        compare_runs(records, CompareOptions(by=("optimizer",), target=1.0))


def test_a_workload_that_a_contestant_lacks_is_left_out_of_the_whole(tmp_path: Path) -> None:
    curves: Curves = {
        ("adam", "vae"): [[9, 5]], ("sgd", "vae"): [[9, 5]], ("adam", "iwae"): [[9, 5]],
    }  # fmt: skip
    verdict = compare_runs(
        runs_of(tmp_path, curves), CompareOptions(by=("optimizer",), baseline="sgd")
    )
    assert len(verdict.workloads) == 2
    assert "model=iwae: no time to target: sgd has no runs that have ended" in verdict.notes
    assert verdict.aggregate is None
    assert "model=iwae: adam is the only contestant" in " ".join(verdict.sentences)
