"""Run folders are read as untrusted."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from genrun.core.errors import CheckpointUnusable
from tests.results.made_up import METRIC, make_run, record_of


def test_a_sound_run(tmp_path: Path) -> None:
    run = record_of(make_run(tmp_path / "run", [9, 5, 6], seed=3, seconds=0.25, test=5.5))
    assert (run.seed, run.status, run.monitor, run.steps) == (3, "finished", METRIC, 100)
    assert run.counts
    assert not run.failed
    assert not run.left
    assert run.curve.best(METRIC) == 5
    assert {axis: run.curve.total(axis) for axis in run.curve.cost} == {
        "steps": 20,
        "seconds": 5.0,
        "examples": 160,
        "flops": 20_000,
    }
    assert run.test == {METRIC: 5.5}
    assert run.settings["optimizer"] == "adam"
    assert run.settings["optimizer.lr"] == "0.001"
    assert "seed" not in run.settings


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        ("finished", "", "counts"),
        ("stopped_early", "early: no better for 5", "counts"),
        ("stopped_early", "pruner: worse than the median", "pruned"),
        ("diverged", "nan", "failed"),
        ("failed", "out of memory", "failed"),
        ("running", "", "left"),
        ("interrupted", "SIGTERM", "left"),
    ],
)
def test_how_a_run_counts(tmp_path: Path, status: str, reason: str, kind: str) -> None:
    run = record_of(make_run(tmp_path / "run", [1.0], status=status, reason=reason))
    kinds = {name: getattr(run, name) for name in ("counts", "pruned", "failed", "left")}
    assert kinds == {name: name == kind for name in kinds}


def test_a_job_that_never_began(tmp_path: Path) -> None:
    make_run(tmp_path / "run", [1.0])
    (tmp_path / "run" / "run.json").unlink()
    run = record_of(tmp_path / "run")
    assert run.status == "missing"
    assert run.left


def test_a_run_says_what_it_spent_after_its_last_evaluation(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", [1.0, 2.0])
    info = json.loads((folder / "run.json").read_text())
    info["compute"] = {"steps": 17, "flops": "many", "seconds": {"training": 8.5}}
    (folder / "run.json").write_text(json.dumps(info))
    run = record_of(folder)
    assert run.training_cost("steps") == 17
    assert run.training_cost("seconds") == 8.5
    assert run.training_cost("flops") == 10_000  # from its curve


def test_a_last_line_that_a_crash_tore_is_left_out(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", [9, 5, 6])
    for name in ("metrics.jsonl", "timings.jsonl"):
        with (folder / name).open("a") as log:
            log.write('{"step": 30, "held_out/neg')
    assert len(record_of(folder).curve.measured(METRIC)) == 3


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("metrics.jsonl", '{"step": 30, "held_out/negative_elbo"'),
        ("metrics.jsonl", '{"step": 30, "examples": 1, "held_out/negative_elbo": "low"}'),
        ("metrics.jsonl", '{"step": 10, "examples": 1, "held_out/negative_elbo": 1.0}'),
        ("metrics.jsonl", '{"step": "x", "held_out/negative_elbo": 1.0}'),
        ("metrics.jsonl", '{"step": 30, "held_out/negative_elbo": true}'),
        ("metrics.jsonl", '{"step": 30, "held_out/x": ' + "[" * 100_000),
        ("metrics.jsonl", '{"step": 1' + "0" * 400 + ', "held_out/negative_elbo": 1.0}'),
        ("timings.jsonl", '{"training": 3}'),
        ("timings.jsonl", '{"step": 20, "training": "long"}'),
        ("test.json", "{"),
        ("test.json", '{"step": 1, "values": {"a": "b"}}'),
        ("run.json", "[]"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, line: str) -> None:
    folder = make_run(tmp_path / "run", [9, 5, 6])
    with (folder / name).open("a" if name.endswith("l") else "w") as file:
        file.write(line + "\n")
    with pytest.raises(CheckpointUnusable, match="run") as raised:
        record_of(folder)
    assert "\n" not in str(raised.value)


def test_a_number_that_is_none_is_not_a_best_value(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", [9, 5, -math.inf, math.nan])
    run = record_of(folder)
    assert run.curve.best(METRIC) == 5
    assert run.curve.time_to(METRIC, 1, "steps") == math.inf


def test_a_test_value_that_was_not_finite_counts_as_worst(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", [9.0])
    (folder / "test.json").write_text(json.dumps({"step": 0, "values": {METRIC: None}}))
    assert record_of(folder).test == {METRIC: math.inf}


def test_links_are_not_followed(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", [9, 5])
    for name in ("metrics.jsonl", "test.json"):
        target = tmp_path / name
        target.write_text('{"step": 99, "values": {}, "held_out/negative_elbo": 1.0}\n')
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
    with pytest.raises(CheckpointUnusable, match="no regular file"):
        record_of(folder)
    (folder / "test.json").unlink()
    assert len(record_of(folder).curve.cost["steps"]) == 0
    (folder / "config.yaml").rename(tmp_path / "config.yaml")
    (folder / "config.yaml").symlink_to(tmp_path / "config.yaml")
    with pytest.raises(CheckpointUnusable, match="no regular file"):
        record_of(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "a: [",
        "{seed: 0, a: &x {b: *x}}",
        "seed: one",
        "{seed: 0, a: !!python/name:os.system x}",
    ],
)
def test_a_damaged_configuration_is_named(tmp_path: Path, text: str) -> None:
    folder = make_run(tmp_path / "run", [9.0])
    (folder / "config.yaml").write_text(text)
    with pytest.raises(CheckpointUnusable, match="run"):
        record_of(folder)


def test_aliases_are_not_written_out(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", [9.0])
    lines = ["seed: 0", "a0: &a0 {x: 1, y: 2}"]
    for place in range(1, 30):
        before = f"*a{place - 1}"
        lines.append(f"a{place}: &a{place} {{x: {before}, y: {before}}}")
    (folder / "config.yaml").write_text("\n".join(lines))
    with pytest.raises(CheckpointUnusable, match="more than 10000 settings"):
        record_of(folder)


def test_an_early_failure_says_little(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", [])
    info: dict[str, Any] = {"status": "failed", "reason": "no memory", "choices": {"model": "vae"}}
    (folder / "run.json").write_text(json.dumps({**info, "overrides": [], "data": {}}))
    run = record_of(folder)
    assert run.failed
    assert run.monitor is None
    assert run.data is None
