"""How runs are grouped into contestants, configurations and repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from genrun.core.errors import ConfigError
from genrun.results.grouping import EVERYTHING, GroupedRuns, group_runs
from genrun.results.record import RunRecord
from tests.results.made_up import made_record

RATES = {"adam": 0.001, "sgd": 0.1}


@pytest.fixture
def two(tmp_path: Path) -> list[RunRecord]:
    """Two optimizers, each with its own learning rate, and two seeds."""
    return [
        made_record(
            tmp_path / f"{name}-{seed}", [9, 5], seed,
            choices={"optimizer": name}, optimizer__lr=rate,
        )
        for name, rate in RATES.items()
        for seed in (0, 1)
    ]  # fmt: skip


def shown(arrangement: GroupedRuns) -> dict[str, dict[str, list[list[int]]]]:
    """Seeds of each configuration, by contestant and workload."""
    return {
        workload.label: {
            name: [[run.seed for run in one.runs] for one in own]
            for name, own in workload.contestants.items()
        }
        for workload in arrangement.workloads
    }


def test_what_follows_from_a_choice_does_not_tell_contestants_apart(
    two: Sequence[RunRecord],
) -> None:
    found = group_runs(two)
    assert found.by == ("optimizer",)
    assert shown(found) == {
        "model=vae data=digits": {"optimizer=adam": [[0, 1]], "optimizer=sgd": [[0, 1]]}
    }


def test_other_settings_are_configurations_of_what_by_names(
    tmp_path: Path, two: Sequence[RunRecord]
) -> None:
    more = made_record(tmp_path / "more", [9, 4], 0, optimizer__lr=0.01)
    found = group_runs([*two, more], by=["optimizer"])
    contestants = found.workloads[0].contestants
    assert {name: len(own) for name, own in contestants.items()} == {
        "optimizer=adam": 2,
        "optimizer=sgd": 1,
    }
    labels = [one.label for one in contestants["optimizer=adam"]]
    assert labels == ["optimizer=adam optimizer.lr=0.001", "optimizer=adam optimizer.lr=0.01"]
    assert contestants["optimizer=adam"][1].settings == {"optimizer.lr": "0.01"}
    without = group_runs([*two, more])
    assert len(without.contestants) == 3


def test_model_and_data_make_workloads(tmp_path: Path, two: Sequence[RunRecord]) -> None:
    other = [
        made_record(
            tmp_path / f"other-{name}", [1], choices={"model": "autoencoder", "optimizer": name},
            monitor="mse", optimizer__lr=rate,
        )
        for name, rate in RATES.items()
    ]  # fmt: skip
    found = group_runs([*two, *other])
    assert {workload.label: workload.metric for workload in found.workloads} == {
        "model=vae": "negative_elbo",
        "model=autoencoder": "mse",
    }
    assert found.contestants == ["optimizer=adam", "optimizer=sgd"]


def test_models_are_contestants_where_nothing_else_differs(tmp_path: Path) -> None:
    runs = [
        made_record(tmp_path / name, [9, 5], choices={"model": name}) for name in ("vae", "iwae")
    ]
    assert shown(group_runs(runs)) == {"data=digits": {"model=vae": [[0]], "model=iwae": [[0]]}}


def test_runs_that_differ_in_their_seed_only(two: Sequence[RunRecord]) -> None:
    assert list(group_runs(two[:2]).workloads[0].contestants) == [EVERYTHING]


def test_a_repeat_is_left_out_and_named(tmp_path: Path, two: Sequence[RunRecord]) -> None:
    broken = made_record(tmp_path / "broken", [9], 0, status="interrupted")
    again = made_record(tmp_path / "again", [9, 5], 0)
    found = group_runs([broken, *two, again])
    assert found.notes == [
        "again: repeats adam-0; left out",
        "broken: repeats adam-0; left out",
    ]
    assert shown(found)["model=vae data=digits"]["optimizer=adam"] == [[0, 1]]


def test_one_that_failed_before_it_was_judged_is_judged_as_its_like(
    tmp_path: Path, two: Sequence[RunRecord]
) -> None:
    run = made_record(tmp_path / "new", [], 7, status="failed")
    nameless = replace(run, monitor=None)
    found = group_runs([*two, nameless])
    assert shown(found)["model=vae data=digits"]["optimizer=adam"] == [[0, 1, 7]]


def test_what_by_and_metric_may_be(two: Sequence[RunRecord]) -> None:
    with pytest.raises(ConfigError, match=r"by=model: the runs do not differ in it; .* optimizer"):
        group_runs(two, by=["model"])
    with pytest.raises(ConfigError, match="metric=fid: no run measured it; measured are negative"):
        group_runs(two, metric="fid")


def test_pruned_and_left_runs_are_no_repeats(tmp_path: Path) -> None:
    runs = [
        made_record(tmp_path / "a", [9, 5], 0),
        made_record(tmp_path / "b", [9], 1, status="stopped_early", reason="pruner: worse"),
        made_record(tmp_path / "c", [9], 2, status="running"),
        made_record(tmp_path / "d", [9], 3, status="diverged"),
    ]
    configuration = group_runs(runs).workloads[0].contestants[EVERYTHING][0]
    assert list(configuration.by_seed()) == [0, 3]
