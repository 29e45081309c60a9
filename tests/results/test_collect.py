"""Collecting every run in folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genrun.core.errors import InputMissing
from genrun.results import collect as collecting
from genrun.results.collect import collect
from tests.results.made_up import config_of, make_plan, make_run


def test_runs_sweeps_and_folders_of_them(tmp_path: Path) -> None:
    make_run(tmp_path / "outputs" / "single", [1.0])
    sweep = tmp_path / "outputs" / "day" / "sweep"
    for seed in (0, 1):
        make_run(sweep / f"seed={seed}", [1.0], seed)
    make_plan(sweep, ["seed=0", "seed=1"], left={"seed=2": config_of(2)})
    found = collect([tmp_path / "outputs"])
    assert [(run.name, run.status) for run in found.records] == [
        ("day/sweep/seed=0", "finished"),
        ("day/sweep/seed=1", "finished"),
        ("day/sweep/seed=2", "missing"),
        ("single", "finished"),
    ]
    assert [run.sweep for run in found.records] == [sweep, sweep, sweep, None]
    assert found.damaged == {}


def test_a_run_that_is_given_twice_is_read_once(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [1.0])
    assert len(collect([tmp_path, run, run]).records) == 1


def test_stages_of_a_proof(tmp_path: Path) -> None:
    for stage in ("tuning", "final"):
        make_run(tmp_path / "proof" / stage / "adam-000", [1.0])
        make_plan(tmp_path / "proof" / stage, ["adam-000"])
    (tmp_path / "proof" / "proof.json").write_text("{}")
    assert [run.stage for run in collect([tmp_path]).records] == ["final", "tuning"]
    (tmp_path / "proof" / "proof.json").unlink()
    assert [run.stage for run in collect([tmp_path]).records] == ["", ""]


def test_what_is_damaged_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    make_run(tmp_path / "good", [1.0])
    (make_run(tmp_path / "bad", [1.0]) / "run.json").write_text("{")
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "plan.json").write_text("{}")
    found = collect([tmp_path])
    assert [run.name for run in found.records] == ["good"]
    assert set(found.damaged) == {"bad", "sweep"}


def test_links_and_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    make_run(tmp_path / "away" / "run", [1.0])
    make_run(tmp_path / "here" / "run", [1.0])
    make_run(tmp_path / "here" / ".hidden", [1.0])
    (tmp_path / "here" / "link").symlink_to(tmp_path / "away" / "run")
    (tmp_path / "here" / "loop").symlink_to(tmp_path / "here")
    assert [run.name for run in collect([tmp_path / "here"]).records] == ["run"]


def test_no_run_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="no run is there"):
        collect([tmp_path])
    with pytest.raises(InputMissing, match="there is no such folder"):
        collect([tmp_path / "nowhere"])


def test_many_are_read_by_several_processes_in_the_same_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(6):
        make_run(tmp_path / f"run-{seed}", [float(seed)], seed)
    (tmp_path / "run-3" / "run.json").write_text(json.dumps([]))
    monkeypatch.setattr(collecting, "MANY", 4)
    found = collect([tmp_path])
    assert [run.seed for run in found.records] == [0, 1, 2, 4, 5]
    assert list(found.damaged) == ["run-3"]
