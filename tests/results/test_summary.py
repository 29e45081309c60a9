"""A sweep's summary: grouping, order, failures, cost, and robustness to untrusted files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from genrun.core.errors import OutputFailed
from genrun.results.summary import plot
from genrun.results.summary.summary import Summary, cell, show_summary, summarize
from genrun.runs import disk
from genrun.sweeps.plan import SweepPlan, read_plan
from tests.sweeps.made_up import make_jobs, make_sweep, run_json, write_run

RATES = ["0.1", "0.01", "0.001"]
SEEDS = ["0", "1", "2"]
SPENT_NOTHING = {
    "steps": 0, "examples": 0, "flops": None, "seconds": 0.0, "evaluation_seconds": 0.0,
    "saving_seconds": 0.0, "peak_memory_bytes": None, "device_peak_memory_bytes": None,
    "energy_joules": None,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take a second each, and test_picture covers them."""
    monkeypatch.setattr(plot, "draw", lambda *_: {"png": b"png", "svg": b"svg"})


def summary_of(folder: Path) -> Summary:
    return summarize(folder, read_plan(folder).jobs)


def read(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())  # type: ignore[no-any-return]


def rows_of_csv(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "summary.csv").read_text())))


def test_seeds_are_repeats_of_one_configuration(tmp_path: Path) -> None:
    values = {"0.1": [5.0, 6.0, 7.0], "0.01": [1.0, 2.0, 6.0], "0.001": [4.0, 4.0, 4.0]}
    swept = {"optimizer.lr": RATES, "seed": SEEDS}
    make_sweep(tmp_path, swept, lambda optimizer_lr, seed: values[optimizer_lr][int(seed)])
    summary_of(tmp_path)
    content = read(tmp_path)
    found = [(c["label"], c["mean"], c["deviation"]) for c in content["configurations"]]
    assert found == [
        ("optimizer.lr=0.01", 3.0, pytest.approx(2.6457513)),
        ("optimizer.lr=0.001", 4.0, 0.0),
        ("optimizer.lr=0.1", 6.0, 1.0),
    ]
    best = content["configurations"][0]
    assert (best["low"], best["high"]) == pytest.approx((-3.5724137, 9.5724137))
    assert best["values"] == [{"seed": s, "best": values["0.01"][s]} for s in range(3)]
    assert (best["jobs"], best["failed"], best["left"]) == (3, 0, 0)
    plan = read_plan(tmp_path)
    assert [job["name"] for job in content["jobs"]] == [job.name for job in plan.jobs]
    assert content["jobs"][0] == {
        "name": "optimizer.lr=0.1,seed=0", "identity": plan.jobs[0].identity,
        "configuration": plan.jobs[0].configuration, "seed": 0, "status": "finished",
        "reason": "all 100 steps done", "monitor": "negative_elbo", "best": 5.0, "best_step": 90,
        "steps": 100, "examples": 12800, "flops": None, "seconds": 2.5,
            "evaluation_seconds": 1.0, "saving_seconds": 0.5, "peak_memory_bytes": None,
            "device_peak_memory_bytes": None, "energy_joules": None,
            "folder": "optimizer.lr=0.1,seed=0",
    }  # fmt: skip
    assert content["spent"] == SPENT_NOTHING | {
        "steps": 900, "examples": 115200, "seconds": 22.5, "evaluation_seconds": 9.0,
        "saving_seconds": 4.5,
    }  # fmt: skip


def test_a_single_seed_has_no_interval(tmp_path: Path) -> None:
    make_sweep(tmp_path, {"optimizer.lr": RATES}, lambda optimizer_lr: float(optimizer_lr))
    summary_of(tmp_path)
    for configuration in read(tmp_path)["configurations"]:
        assert configuration["mean"] == float(configuration["words"]["optimizer.lr"])
        assert (configuration["deviation"], configuration["low"]) == (None, None)


def test_failures_are_counted_and_have_no_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def outcome(optimizer_lr: str, seed: str) -> float | str | None:
        worst = {"0.1": "diverged", "0.01": "failed" if seed == "1" else 3.0, "0.001": 4.0}
        return worst[optimizer_lr]  # type: ignore[return-value]

    make_sweep(tmp_path, {"optimizer.lr": RATES, "seed": SEEDS}, outcome)
    show_summary(summary_of(tmp_path))
    partly, sound, never = read(tmp_path)["configurations"]
    assert (partly["mean"], partly["jobs"], partly["failed"]) == (3.0, 3, 1)
    assert partly["failures"] == [
        {"job": "optimizer.lr=0.01,seed=1", "status": "failed", "reason": "it failed"}
    ]
    assert (sound["failed"], never["failed"], never["mean"]) == (0, 3, None)
    assert never["words"] == {"optimizer.lr": "0.1"}
    assert [row["status"] for row in read(tmp_path)["jobs"][:3]] == ["diverged"] * 3
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in shown if line.startswith("! ")] == [
        ["!", "0.01"], ["!", "0.1"],
    ]  # fmt: skip
    assert "4 failed" in shown
    assert any(line.split()[:2] == ["optimizer.lr=0.1,seed=2", "diverged"] for line in shown)
    assert any("10 s of it in failed ones" in line for line in shown)


def test_what_has_not_ended_has_no_value_yet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def outcome(optimizer_lr: str, seed: str) -> float | str | None:
        return {"0": 2.0, "1": "interrupted", "2": None}[seed]  # type: ignore[return-value]

    make_sweep(tmp_path, {"optimizer.lr": ["0.1"], "seed": SEEDS}, outcome)
    show_summary(summary_of(tmp_path))
    (found,) = read(tmp_path)["configurations"]
    assert (found["mean"], found["low"], found["failed"], found["left"]) == (2.0, None, 0, 2)
    statuses = [job["status"] for job in read(tmp_path)["jobs"]]
    assert statuses == ["finished", "interrupted", "missing"]
    assert "1/3" in capsys.readouterr().out


def test_a_table_for_each_metric(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    swept = {"model": ["gan", "vae"], "optimizer.lr": RATES}

    def outcome(model: str, optimizer_lr: str) -> float | None:
        if optimizer_lr == "0.001":
            return None  # never started, so its run.json names no metric
        return float(optimizer_lr) * (1 if model == "gan" else 1000)

    def monitor(model: str, **_: str) -> str:
        return {"gan": "sliced_wasserstein", "vae": "negative_elbo"}[model]

    make_sweep(tmp_path, swept, outcome, monitor)
    show_summary(summary_of(tmp_path))
    found = [(c["monitor"], c["words"]["optimizer.lr"]) for c in read(tmp_path)["configurations"]]
    assert found == [
        ("sliced_wasserstein", "0.01"), ("sliced_wasserstein", "0.1"),
        ("sliced_wasserstein", "0.001"),
        ("negative_elbo", "0.01"), ("negative_elbo", "0.1"), ("negative_elbo", "0.001"),
    ]  # fmt: skip
    shown = capsys.readouterr().out
    assert shown.index("sliced_wasserstein, lower is better") < shown.index("negative_elbo, lower")


def test_the_best_two_are_compared_seed_by_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    luck = {"0": 0.0, "1": 50.0, "2": -50.0}

    def outcome(optimizer: str, seed: str) -> float:
        return 100.0 + luck[seed] + (2.0 if optimizer == "sgd" else 0.0)

    make_sweep(tmp_path, {"optimizer": ["adam", "sgd"], "seed": SEEDS}, outcome)
    show_summary(summary_of(tmp_path))
    assert (
        "optimizer=sgd is 2.0 above optimizer=adam with the same seeds "
        "(95 % interval 2.0 to 2.0, 3 pairs)"
    ) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1+cmd", "'+1+cmd"),
        ("-2+3+cmd", "'-2+3+cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1+1", "' =1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\t=1", "\\t=1"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\ud800", "\\ud800"),
        ("adam", "adam"),
        ("1e-3", 0.001),
        ("-0.5", -0.5),
        ("+5", 5.0),
        ("0777", "0777"),
        ("1_000", "1_000"),
        ("nan", "nan"),
        ("1e999", "1e999"),
        ("٣", "٣"),
        (None, None),
        (7, 7),
    ],
)
def test_no_cell_is_a_formula(text: Any, written: Any) -> None:
    assert cell(text) == written


def test_csv_has_a_row_a_configuration_and_a_column_a_key(tmp_path: Path) -> None:
    tags = ['=HYPERLINK("http://x")', 'a,"b";c\nd']
    swept = {"tag": tags, "optimizer.lr": ["0.1", "0.01"], "seed": SEEDS}
    make_sweep(
        tmp_path, swept,
        lambda tag, optimizer_lr, seed: "diverged" if (tag, seed) == (tags[1], "2") else 1.5,
    )  # fmt: skip
    summary_of(tmp_path)
    rows = rows_of_csv(tmp_path)
    assert len(rows) == 4
    assert {row["tag"] for row in rows} == {"'" + tags[0], 'a,"b";c\\nd'}
    assert {float(row["optimizer.lr"]) for row in rows} == {0.1, 0.01}
    marked = [row for row in rows if row["failed"] == "1"]
    assert [(row["seeds"], row["jobs"]) for row in marked] == [("2", "3")] * 2
    assert all(row["failures"].endswith("seed=2: it diverged") for row in marked)
    assert all(float(row["mean"]) == 1.5 for row in rows)
    for line in (tmp_path / "summary.csv").read_text().splitlines():
        assert not line.lstrip('"').startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize(
    "damage",
    [
        {"best": {"step": 1, "value": float("nan")}},
        {"best": {"step": 1, "value": float("inf")}},
        {"best": {"step": 1, "value": 10**400}},
        {"best": None},
    ],
)
def test_a_result_that_is_no_number_is_a_failure(damage: dict[str, Any], tmp_path: Path) -> None:
    make_sweep(tmp_path, {"seed": SEEDS}, lambda seed: float(seed))
    path = tmp_path / "seed=2" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    summary_of(tmp_path)
    (found,) = read(tmp_path)["configurations"]
    assert (found["mean"], found["failed"]) == (0.5, 1)
    assert "no value of what judges it" in found["failures"][0]["reason"]


@pytest.mark.parametrize(
    "compute",
    [None, 3, [], {}, {"steps": "x", "examples": -1, "seconds": {"training": [1]}},
     {"steps": 10**400, "examples": True, "seconds": {"training": float("nan")}}, {"seconds": 1},
     {"seconds": {"training": 1e308}, "examples": 1e300},
     {"flops": 1e40, "peak_memory_bytes": {"host": "x", "device": -1}, "energy_joules": []},
     {"flops": [], "peak_memory_bytes": 5, "energy_joules": float("inf")}],
)  # fmt: skip
def test_a_strangers_compute_counts_nothing(compute: Any, tmp_path: Path) -> None:
    make_sweep(tmp_path, {"seed": ["0", "1"]}, lambda seed: 1.0)
    path = tmp_path / "seed=1" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"compute": compute}))
    summary_of(tmp_path)
    assert read(tmp_path)["spent"] == SPENT_NOTHING | {
        "steps": 100, "examples": 12800, "seconds": 2.5, "evaluation_seconds": 1.0,
        "saving_seconds": 0.5,
    }  # fmt: skip
    assert read(tmp_path)["jobs"][1]["best"] == 1.0


def test_a_running_jobs_cost_is_that_of_its_timings(tmp_path: Path) -> None:
    make_sweep(tmp_path, {"seed": ["0", "1"]}, lambda seed: 1.0 if seed == "0" else "running")
    rows = [{"step": step, "training": step / 10} for step in (0, 10, 20)]
    (tmp_path / "seed=1" / "timings.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    summary_of(tmp_path)
    spent = read(tmp_path)["spent"]
    assert (spent["steps"], spent["examples"], spent["seconds"]) == (120, 12800, 4.5)


def test_sampled_numbers_are_short_but_exact_in_words(tmp_path: Path) -> None:
    points = [
        {"optimizer.lr": "0.00031622776601683794"},
        {"optimizer.lr": "0.00031622776601683799"},
    ]
    jobs = make_jobs(points)
    SweepPlan([], jobs).write(tmp_path)
    for job in jobs:
        write_run(tmp_path / job.name, run_json(job, 1.0))
    found = summary_of(tmp_path).configurations
    assert [c.settings for c in found] == points
    labels = [c.label for c in found]
    assert all(label.startswith("optimizer.lr=0.0003162 (") for label in labels)
    assert len(set(labels)) == 2


def test_nothing_is_written_again_while_nothing_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sweep(tmp_path, {"seed": SEEDS}, lambda seed: float(seed))
    summary_of(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("summary.*")}
    assert {path.suffix for path in before} == {".json", ".csv", ".png", ".svg"}
    with monkeypatch.context() as patched:
        patched.setattr(disk, "create", lambda path: pytest.fail(f"{path} was written"))
        summary_of(tmp_path)
    (tmp_path / "summary.png").unlink()
    summary_of(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.glob("summary.*")} == before


def test_a_full_disk_loses_the_files_but_not_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_sweep(tmp_path, {"optimizer.lr": RATES}, lambda optimizer_lr: 1.0)

    def full(path: Path) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "create", full)
    with pytest.raises(OutputFailed, match="No space left"):
        show_summary(summary_of(tmp_path))
    assert "negative_elbo, lower is better" in capsys.readouterr().out


def test_a_pruned_run_is_not_compared_with_one_that_came_to_its_end(tmp_path: Path) -> None:
    """Its best value is after fewer steps, so it is not comparable."""
    make_sweep(tmp_path, {"optimizer.lr": RATES}, lambda optimizer_lr: float(optimizer_lr))
    job = read_plan(tmp_path).jobs[2]
    pruned = {"status": "stopped_early", "reason": "pruner: median, x was 1 at step 5"}
    write_run(tmp_path / job.name, run_json(job, 0.001) | pruned)
    summary_of(tmp_path)
    found = read(tmp_path)["configurations"]
    assert [(c["mean"], c["pruned"], c["failed"], c["left"]) for c in found] == [
        (0.01, 0, 0, 0), (0.1, 0, 0, 0), (None, 1, 0, 0),
    ]  # fmt: skip
    assert [row["pruned"] for row in rows_of_csv(tmp_path)] == ["0", "0", "1"]


def noted(joules: float | None, peak: int, flops: int | None) -> dict[str, Any]:
    """Writes the `compute` entry of a run that ended."""
    return {
        "steps": 10, "examples": 80, "flops": flops, "energy_joules": joules,
        "seconds": {"training": 1.0, "evaluation": 0.5, "saving": 0.25},
        "peak_memory_bytes": {"host": peak, "device": None}, "energy_sources": ["rapl"],
    }  # fmt: skip


def spend(sweep: Path, seed: int, compute: dict[str, Any] | None, **other: Any) -> None:
    path = sweep / f"seed={seed}" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"compute": compute, **other}))


def test_totals_hold_failed_pruned_and_killed_jobs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    came_to = ["ok", "failed", "interrupted", "ok", "running"]
    make_sweep(
        tmp_path, {"seed": list("01234")}, lambda seed: 1.0 if came_to[int(seed)] == "ok"
        else came_to[int(seed)],
    )  # fmt: skip
    spend(tmp_path, 0, noted(10.0, 3, 1000))
    spend(tmp_path, 1, noted(20.0, 9, 1000))
    spend(tmp_path, 2, noted(30.0, 4, 1000))
    spend(tmp_path, 3, noted(40.0, 5, 1000), status="stopped_early", reason="pruner: it was worse")
    spend(tmp_path, 4, None, flops_a_step=100)  # killed: known from its logs only
    row = {
        "step": 10, "training": 1.0, "evaluation": 0.5, "saving": 0.25, "energy_joules": 50.0,
        "host_peak_bytes": 2,
    }  # fmt: skip
    (tmp_path / "seed=4" / "timings.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "seed=4" / "metrics.jsonl").write_text('{"step": 10, "examples": 80}\n')
    summary = summary_of(tmp_path)
    spent = {
        "steps": 50, "examples": 400, "flops": 5000, "seconds": 5.0, "evaluation_seconds": 2.5,
        "saving_seconds": 1.25, "peak_memory_bytes": 9, "device_peak_memory_bytes": None,
        "energy_joules": 150.0,
    }  # fmt: skip
    assert read(tmp_path)["spent"] == spent
    assert read(tmp_path)["configurations"][0]["energy_joules"] == 150.0
    capsys.readouterr()
    show_summary(summary)
    last = capsys.readouterr().out.split("spent: ")[1].replace("\n", " ")
    assert last.startswith("5 s of training (1 s of it in failed ones), 2.5 s of evaluation, 50 s")
    assert "400 examples, 5 kFLOPs" in last
    assert "150 J in 5 jobs" in last
    header, row_of_csv, *_ = (tmp_path / "summary.csv").read_text().splitlines()
    written = dict(zip(header.split(","), row_of_csv.split(","), strict=True))
    assert written['"energy_joules"'] == "150.0"
    assert written['"flops"'] == "5000"


def test_what_one_job_does_not_know_is_not_known_of_all(tmp_path: Path) -> None:
    make_sweep(tmp_path, {"seed": list("012")}, lambda seed: None if seed == "2" else 1.0)
    spend(tmp_path, 0, noted(10.0, 3, 1000))
    spend(tmp_path, 1, noted(None, 9, None))
    summary_of(tmp_path)
    spent = read(tmp_path)["spent"]
    assert (spent["energy_joules"], spent["flops"], spent["peak_memory_bytes"]) == (None, None, 9)
    spend(tmp_path, 1, noted(5.0, 9, 7))
    summary_of(tmp_path)
    spent = read(tmp_path)["spent"]  # the third never started and used nothing
    assert (spent["energy_joules"], spent["flops"]) == (15.0, 1007)
