"""Quality at equal budget and at the end; who stands for a contestant; failures as worst."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from genrun.comparison.compare import compare_runs
from genrun.comparison.options import CompareOptions
from genrun.comparison.verdict import ContestantResult, WorkloadVerdict
from genrun.core.errors import ConfigError
from genrun.results.record import RunRecord
from tests.results.made_up import made_record

Make = Callable[..., RunRecord]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A run of an optimizer: `make("adam", [9, 5], seed)`."""
    made = iter(range(1000))

    def run(name: str, values: list[float | None], seed: int = 0, **said: object) -> RunRecord:
        folder = tmp_path / f"{next(made)}-{name}-{seed}"
        return made_record(folder, values, seed, choices={"optimizer": name}, **said)

    return run


def judged(records: list[RunRecord], **asked: object) -> WorkloadVerdict:
    (workload,) = compare_runs(
        records, CompareOptions(**{"by": ("optimizer",), **asked})
    ).workloads  # type: ignore[arg-type]
    return workload


def standing(workload: WorkloadVerdict, name: str) -> ContestantResult:
    return next(one for one in workload.standings if one.name == name)


def test_the_budget_is_the_least_that_a_contestant_typically_spent(make: Make) -> None:
    records = [make("adam", [9, 7, 5, 3], seed) for seed in (0, 1)]
    records += [make("sgd", [9, 8, 6], seed) for seed in (0, 1)]
    found = judged(records)
    assert found.budget is not None
    assert found.budget.value == 20
    assert "sgd" in found.budget.rule
    adam = standing(found, "adam")
    assert adam.at_budget is not None
    assert adam.at_end is not None
    assert adam.at_budget.values == {0: 5, 1: 5}
    assert adam.at_end.values == {0: 3, 1: 3}


@pytest.mark.parametrize(
    ("budget", "at", "value"), [("steps", 19, 7), ("seconds", 5, 7), ("examples", 160, 5),
                                ("flops", 30_000, 3)],
)  # fmt: skip
def test_a_budget_on_any_axis(make: Make, budget: str, at: float, value: float) -> None:
    found = judged([make("adam", [9, 7, 5, 3]), make("sgd", [9, 8])], budget=budget, at=at)
    quality = standing(found, "adam").at_budget
    assert quality is not None
    assert quality.values == {0: value}


def test_flops_that_nobody_counted(make: Make) -> None:
    records = [make("adam", [9, 7]), make("sgd", [9, 8], flops=None)]
    with pytest.raises(ConfigError, match="budget=flops: the runs of sgd do not say"):
        judged(records, budget="flops")
    with pytest.raises(ConfigError, match="budget=flops: the runs of sgd do not say"):
        judged(records, budget="flops", at=1000.0)


def test_a_failure_is_the_worst_value_that_any_run_had(make: Make) -> None:
    """Mean of 5, 7 and the worst, 30, which a run of sgd had at its first evaluation."""
    records = [make("adam", [9, 5], 0), make("adam", [9, 7], 1)]
    records.append(make("adam", [9, 4], 2, status="diverged"))
    records += [make("sgd", [30, 8], seed) for seed in (0, 1, 2)]
    found = judged(records)
    assert found.worst == 30
    adam = standing(found, "adam")
    assert adam.at_end is not None
    assert adam.at_end.values == {0: 5, 1: 7, 2: math.inf}
    assert adam.at_end.failed == 1
    assert adam.at_end.mean.value == pytest.approx(14)
    assert list(adam.failures.values()) == ["diverged: it ended"]


def test_what_has_not_ended_is_named_and_not_counted(make: Make) -> None:
    records = [make("adam", [9, 5], 0), make("adam", [9, 1], 1, status="running")]
    records += [make("sgd", [9, 8], 0), make("sgd", [9, 2], 1, status="interrupted")]
    verdict = compare_runs(records, CompareOptions())
    adam = standing(verdict.workloads[0], "adam")
    assert adam.at_end is not None
    assert adam.at_end.values == {0: 5}
    assert adam.left == [records[1].name]
    note = f"not ended, so not counted: {records[1].name}, {records[3].name}"
    assert note in verdict.notes


def test_a_contestant_that_has_not_begun(make: Make) -> None:
    records = [make("adam", [9, 5]), make("sgd", [9], status="running")]
    verdict = compare_runs(records, CompareOptions())
    assert "sgd is not compared: none of its runs has ended" in verdict.sentences
    assert standing(verdict.workloads[0], "sgd").at_end is None


def test_the_best_configuration_stands_for_a_contestant(make: Make) -> None:
    """The lowest mean; a failure makes it the worst there is, not the best of those left."""
    records = [make("adam", [9, 5], seed, optimizer__lr=0.1) for seed in (0, 1)]
    records += [make("adam", [9, 1], 0, optimizer__lr=0.2)]
    records += [make("adam", [9, 1], 1, optimizer__lr=0.2, status="diverged")]
    records += [make("sgd", [90, 8], seed) for seed in (0, 1)]
    adam = standing(judged(records), "adam")
    assert adam.settings == {"optimizer.lr": "0.1"}
    assert adam.configurations == 2


def test_a_lucky_single_run_does_not_stand_beside_repeats(make: Make) -> None:
    records = [make("adam", [9, 5], seed, optimizer__lr=0.1) for seed in range(4)]
    records += [make("adam", [9, 1], 0, optimizer__lr=0.2)]
    records += [make("sgd", [9, 8], seed) for seed in range(4)]
    adam = standing(judged(records), "adam")
    assert adam.settings == {"optimizer.lr": "0.1"}
    assert len(adam.tuning.trials) == 2


def test_a_pruned_trial_is_no_repeat(make: Make) -> None:
    pruned = {"status": "stopped_early", "reason": "pruner: worse than the median"}
    records = [make("adam", [9, 1], 0, optimizer__lr=0.1, **pruned)]
    records += [make("adam", [9, 5], 0, optimizer__lr=0.2), make("sgd", [9, 8])]
    adam = standing(judged(records), "adam")
    assert adam.settings == {"optimizer.lr": "0.2"}
    assert [trial.value for trial in adam.tuning.trials] == [math.inf, 5]


def test_the_test_split_where_all_that_counts_was_measured_there(make: Make) -> None:
    records = [make("adam", [9, 5], 0, test=6.0), make("sgd", [9, 8], 0, test=7.0)]
    found = judged(records)
    assert found.split == "test"
    assert found.budget is None
    quality = standing(found, "adam").at_end
    assert quality is not None
    assert quality.values == {0: 6}
    assert judged(records, split="held_out").split == "held_out"
    records.append(make("sgd", [9, 8], 1))
    assert judged(records).split == "held_out"
    with pytest.raises(ConfigError, match=r"split=test: .*sgd-1 has no negative_elbo on test"):
        judged(records, split="test")


def test_another_metric_judges(make: Make) -> None:
    records = [make("adam", [9, 5]), make("sgd", [9, 8])]
    found = judged(records, metric="negative_elbo")
    assert (found.metric, found.unit) == ("negative_elbo", "nats")


def test_from_thirty_runs_on_means_of_the_middle_half_are_resampled(make: Make) -> None:
    records = [make("adam", [50, 10 + seed % 7], seed) for seed in range(30)]
    verdict = compare_runs(records, CompareOptions(resamples=1000))
    quality = verdict.workloads[0].standings[0].at_end
    assert quality is not None
    assert quality.interquartile_mean.method == "bootstrap"
    assert any("stratified bootstrap (1,000 resamples)" in note for note in verdict.notes)


def test_a_budget_within_which_a_run_measured_nothing_is_refused(make: Make) -> None:
    """It would count as failed, which it did not."""
    records = [make("adam", [None, 7, 5]), make("sgd", [9, 8, 6])]
    with pytest.raises(ConfigError, match=r"at=9: .*adam.* had not measured negative_elbo"):
        judged(records, at=9.0)
    assert judged(records, at=10.0).budget is not None
