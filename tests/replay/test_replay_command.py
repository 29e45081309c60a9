"""`genrun replay` on folders of made-up runs: its table, files and errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from genrun.cli import run
from genrun.sweeps.plan import Job, SweepPlan
from tests.replay.made_up import CHOICES, make_run, row, write_lines

FALLING = {0: 9.0, 10: 5.0, 20: 4.0, 30: 3.0, 40: 2.0}
RISING = {0: 9.0, 10: 3.0, 20: 4.0, 30: 5.0, 40: 6.0}
EARLY = ["stopping=[early]", "stopping.early.patience=2"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "runs" / "a", RISING, seed=0)
    make_run(tmp_path / "runs" / "b", FALLING, seed=1)
    return tmp_path


def replayed(here: Path, *words: str) -> dict[str, Any]:
    assert run(["replay", "runs", *words, "out=r.json"]) == 0
    content: dict[str, Any] = json.loads((here / "r.json").read_text())
    return content


def test_a_table_and_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = replayed(here, *EARLY, "axis=seconds")
    (panel,) = content["panels"]
    (result,) = panel["results"]
    assert (panel["metric"], panel["runs"], result["stopped"]) == ("m", 2, 1)
    assert result["saved"]["value"] == (0.25 + 0) / 2
    assert result["amount"]["value"] == 2.5
    assert result["lost"]["value"] == ((3 - 6) + (2 - 2)) / 2
    assert panel["keeping"]["value"] == -1.5
    first = content["runs"]["early patience=2"][0]
    assert (first["run"], first["step"], first["lost"], first["regret"]) == ("a", 30, -3.0, 0.0)
    output = capsys.readouterr().out
    assert "model=vae data=digits, 2 runs" in output
    assert "* early patience=2 1 of 2 30 12.5 [0, 100] 2.5 -1.5" in " ".join(output.split())
    assert "undecided when the log ends, at step 40: early patience=2 in 1 of 2 runs" in output
    assert "optimistic: policies watch the metric that they are judged by (m)" in output
    assert not list(here.glob("*.png"))


def test_what_came_after_the_stop_is_lost(here: Path) -> None:
    make_run(here / "runs" / "c", {0: 9.0, 10: 3.0, 20: 4.0, 30: 5.0, 40: 1.0}, seed=2)
    found = {each["run"]: each for each in replayed(here, *EARLY)["runs"]["early patience=2"]}
    assert (found["c"]["step"], found["c"]["kept"], found["c"]["last"]) == (30, 3.0, 1.0)
    assert (found["c"]["lost"], found["c"]["regret"]) == (2.0, 2.0)


def test_the_picture_is_written_here_or_to_the_one_sweep(here: Path) -> None:
    assert run(["replay", "runs", *EARLY, "stopping.early.min_delta=0,0.1"]) == 0
    assert (here / "replay.png").read_bytes().startswith(b"\x89PNG")
    config = yaml.safe_load((here / "runs" / "a" / "config.yaml").read_text()) | {"plugins": []}
    SweepPlan([], [Job("a", "i", [], CHOICES, config)]).write(here / "runs")
    assert run(["replay", "runs", *EARLY]) == 0
    assert (here / "runs" / "replay.png").is_file()
    assert run(["replay", "runs", *EARLY, "out=r.svg"]) == 0
    assert ">patience=2<" in (here / "r.svg").read_text(), "text stays text"


def test_several_workloads_are_not_mixed(here: Path) -> None:
    other = {**CHOICES, "model": "autoencoder"}
    values = {step: 100 * value for step, value in RISING.items()}
    make_run(here / "runs" / "c", values, seed=0, choices=other, monitor="m")
    make_run(here / "runs" / "d", FALLING, seed=1, choices={**CHOICES, "optimizer": "sgd"})
    content = replayed(here, *EARLY)
    labels = [panel["label"] for panel in content["panels"]]
    assert labels == ["all 2 workloads", "model=vae", "model=autoencoder"]
    overall = content["panels"][0]["results"][0]["lost"]["value"]
    assert overall == pytest.approx(((-3 / 6) / 3 + -3 / 6) / 2)


def test_runs_that_ended_too_early_are_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(here / "runs" / "c", {0: 9.0, 10: 8.0}, seed=2, status="diverged", reason="NaN")
    make_run(here / "runs" / "d", FALLING, seed=3, status="interrupted")
    make_run(here / "runs" / "e", RISING, seed=4)
    (here / "runs" / "e" / "metrics.jsonl").write_text('{"held_out/m": \n')
    assert replayed(here, *EARLY)["panels"][0]["runs"] == 3
    output = capsys.readouterr().out
    assert "of 3 runs 1 diverged: their logs are shorter than planned" in output
    assert "d: interrupted; left out" in output
    assert "e/metrics.jsonl: cannot be read" in output


def test_an_incompatible_policy_is_left_out_of_all_and_an_error_by_name(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(
        here / "runs" / "b" / "metrics.jsonl", [row(step, v - 3) for step, v in FALLING.items()]
    )
    content = replayed(here, "stopping=all")
    labels = [result["label"] for result in content["panels"][0]["results"]]
    assert "early" in labels
    assert not {"generalization_loss", "progress_quotient", "noise_aware"} & set(labels)
    notes = "\n".join(content["notes"])
    assert "left out: stopping.generalization_loss: held_out/m was 0 at step 30" in notes
    assert "left out: stopping.noise_aware.monitor=m: has no standard error in a" in notes
    for name in ("generalization_loss", "noise_aware"):
        capsys.readouterr()
        assert run(["replay", "runs", f"stopping={name}"]) == 2
        assert capsys.readouterr().err.count("\n") == 2, "progress, and one line"


def test_two_players_need_a_name(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{**row(step, value), "critic/loss": 1.0} for step, value in FALLING.items()]
    for name in "ab":
        write_lines(here / "runs" / name / "metrics.jsonl", rows)
    assert run(["replay", "runs", "stopping=progress_quotient"]) == 2
    assert "progress_quotient.player=null: must be net or critic in a" in capsys.readouterr().err
    make_run(here / "runs" / "c", {0: 9.0}, seed=2, status="diverged")
    write_lines(
        here / "runs" / "c" / "metrics.jsonl", [{"step": 0, "examples": 0, "held_out/m": 9}]
    )
    words = ["stopping=progress_quotient", "stopping.progress_quotient.player=critic"]
    (result,) = replayed(here, *words)["panels"][0]["results"]
    assert (result["runs"], result["stopped"], result["optimal"]) == (3, 0, False)
    assert run(["replay", "runs", *words]) == 0, "a picture without a front"


@pytest.mark.parametrize(
    ("words", "code", "output"),
    [
        ([*EARLY], 2, "takes folders of runs"),
        (["runs", "+stopping=early"], 2, "without + or ~"),
        (["runs"], 2, "needs stopping=[POLICY]"),
        (["runs", "nowhere", *EARLY], 66, "nowhere: there is no such folder"),
        (["runs", *EARLY, "axis=hours"], 2, "axis=hours: must be steps, seconds"),
        (["runs", *EARLY, "metric=fid"], 2, "metric=fid: no run measured it; measured are m"),
        (["runs", *EARLY, "metrik=m"], 2, "metrik: replay takes"),
        (["runs", *EARLY, "out=r.pdf"], 2, "must end in .png, .svg, .json"),
        (["runs", *EARLY, "out=no/r.png"], 73, "there is no folder no"),
        (["runs", *EARLY, "out=runs/a/run.json"], 73, "is no json of a replay"),
        (["runs", *EARLY, "out=note.png"], 73, "is no png of a replay"),
        (["runs", *EARLY, "stopping.early.monitor=fid"], 2, "monitor=fid: a never measured it"),
    ],
)
def test_errors_are_one_line(
    words: list[str], code: int, output: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "note.png").write_text("mine")
    before = sorted(here.rglob("*"))
    assert run(["replay", *words]) == code
    assert output in capsys.readouterr().err.splitlines()[-1]
    assert sorted(here.rglob("*")) == before


def test_values_beyond_arithmetic_are_one_line(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = here / "runs" / "a" / "metrics.jsonl"
    write_lines(log, [row(step, 1.7e308) for step in FALLING])
    words = ["stopping=plateau", "stopping.plateau.window=3", "stopping.plateau.tolerance=0"]
    assert run(["replay", "runs", *words]) == 2
    assert "stopping.plateau: cannot be computed for a (" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    ['{"step": 1e999, "examples": 1}', '{"step": 50, "examples": "x", "held_out/m": 1}',
     '{"step": 50, "examples": 1, "held_out/m": ' + "9" * 400 + "}",
     '{"step": 50, "examples": 1, "held_out/m": NaN}',
     '{"step": 50, "examples": 1' + "0" * 99 + "}",
     '{"step": 1' + "0" * 99 + ', "examples": 500}', '{"examples": 1, "step": 5}'],
)  # fmt: skip
def test_a_damaged_log_is_named_and_left_out(
    line: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = here / "runs" / "a" / "metrics.jsonl"
    log.write_text(log.read_text() + line + "\n")
    content = replayed(here, *EARLY)
    assert content["panels"][0]["runs"] == 1
    assert "cannot be read" in " ".join(content["notes"])
