"""Who is re-run, and on what; and what is believed of a folder that somebody else made."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genrun.core.errors import CheckpointUnusable, ConfigError, InputMissing
from genrun.proof.final_test import untested_runs
from genrun.proof.prove import resume_proof
from genrun.proof.verdict import write_verdict
from genrun.proof.winners import choose_winners, describe_bounds, final_plan, tuning_values
from genrun.results.collect import collect
from genrun.results.proof_file import ContestantRecord, Cost, Proof, read_proof
from genrun.runs.layout import PROOF as NAME
from genrun.sweeps.plan import SweepPlan, read_plan
from tests.sweeps.made_up import MONITOR, Outcome, make_jobs, run_json, write_run

SPACE = {"optimizer.lr": "log 1e-4..1e-2"}
RATES = ["0.0001", "0.001", "0.003"]


def make_proof(folder: Path, outcomes: dict[str, list[Outcome]], tuning_seeds: int = 1) -> Proof:
    """A proof whose tuning has ended: outcomes by contestant, of each trial's seeds in turn."""
    points, names = [], {}
    for label in outcomes:
        for rate in RATES:
            for seed in range(tuning_seeds):
                points.append({"optimizer": label, "optimizer.lr": rate, "seed": str(seed)})
    jobs = make_jobs(points)
    tuning = folder / "tuning"
    tuning.mkdir(parents=True)
    SweepPlan([], jobs).write(tuning)
    for label in outcomes:
        own = [job for job in jobs if f"optimizer={label}" in job.overrides]
        names[label] = [
            [job.name for job in own[place : place + tuning_seeds]]
            for place in range(0, len(own), tuning_seeds)
        ]
        for job, outcome in zip(own, outcomes[label], strict=True):
            if outcome is not None:
                write_run(tuning / job.name, run_json(job, outcome))
    trials = [{"optimizer.lr": rate} for rate in RATES]
    contestants = {
        label: ContestantRecord(f"optimizer={label}", SPACE, trials, names[label])
        for label in outcomes
    }
    cost = Cost(1, 1.0, 1.0, None, None)
    seeds, fresh = list(range(tuning_seeds)), [7, 8]
    proof = Proof([], "optimizer", None, 9, MONITOR, seeds, fresh, contestants, cost, [])
    proof.write(folder)
    return proof


def test_the_lowest_sound_trial_wins(tmp_path: Path) -> None:
    proof = make_proof(tmp_path, {"adam": [3.0, 1.0, 2.0], "sgd": ["diverged", "failed", 5.0]})
    winners = choose_winners(tmp_path, proof)
    assert {label: one and (one.trial, one.value) for label, one in winners.items()} == {
        "adam": (1, 1.0),
        "sgd": (2, 5.0),
    }
    assert tuning_values(tmp_path, proof)["sgd"] == [math.inf, math.inf, 5.0]


def test_a_trial_counts_with_the_mean_of_its_seeds_and_with_all_of_them(tmp_path: Path) -> None:
    outcomes: list[Outcome] = [1.0, "diverged", 4.0, 2.0, 2.0, 4.5]
    proof = make_proof(tmp_path, {"adam": outcomes, "sgd": [1.0] * 6}, tuning_seeds=2)
    winner = choose_winners(tmp_path, proof)["adam"]
    assert winner is not None
    assert (winner.trial, winner.value) == (1, 3.0)


def test_winners_run_again_with_fresh_seeds_and_nothing_else_new(tmp_path: Path) -> None:
    proof = make_proof(tmp_path, {"adam": [3.0, 1.0, 2.0], "sgd": [1.0, 2.0, 3.0]})
    winners = choose_winners(tmp_path, proof)
    plan = final_plan(tmp_path, proof, winners)
    assert [job.name for job in plan.jobs] == [
        "adam-seed-7", "sgd-seed-7", "adam-seed-8", "sgd-seed-8",
    ]  # fmt: skip
    assert [job.config["optimizer.lr"] for job in plan.jobs] == ["0.001", "0.0001"] * 2
    assert not {job.config["seed"] for job in plan.jobs} & set(proof.tuning_seeds)


def test_a_contestant_of_which_nothing_came_has_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = make_proof(tmp_path, {"adam": [3.0, 1.0, 2.0], "sgd": ["diverged", "failed", None]})
    winners = choose_winners(tmp_path, proof)
    assert winners["sgd"] is None
    proof = proof.with_winners(winners)
    plan = final_plan(tmp_path, proof, winners)
    (tmp_path / "final").mkdir()
    plan.write(tmp_path / "final")
    assert [job.name for job in plan.jobs] == ["adam-seed-7", "adam-seed-8"]
    leave_final(tmp_path, plan, {"adam-seed-7": 4.0, "adam-seed-8": 6.0})
    write_verdict(tmp_path, proof)
    shown = capsys.readouterr().out
    assert "sgd failed in" in shown
    assert f"{MONITOR} on test images" in shown
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    by_name = {one["name"]: one for one in verdict["workloads"][0]["standings"]}
    assert by_name["adam"]["at_end"]["values"] == {"7": 4.0, "8": 6.0}
    assert set(by_name["sgd"]["at_end"]["values"].values()) <= {None}
    assert "<!doctype html>" in (tmp_path / "report.html").read_text()[:20].lower()


def test_a_reader_who_has_seen_enough_leaves_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = make_proof(tmp_path, {"adam": [3.0, 1.0, 2.0], "sgd": [4.0, 5.0, 6.0]})

    def printed(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("genrun.proof.verdict.print_verdict", printed)
    with pytest.raises(BrokenPipeError):
        write_verdict(tmp_path, proof)
    assert (tmp_path / "verdict.json").is_file()
    assert (tmp_path / "report.html").is_file()


def leave_final(folder: Path, plan: SweepPlan, values: dict[str, float], step: int = 90) -> None:
    for job in plan.jobs:
        write_run(folder / "final" / job.name, run_json(job, 1.0))
        content = {
            "step": step, "seed": 1, "images": 9, "monitor": MONITOR,
            "data": {"name": "digits", "digest": "0"}, "values": {MONITOR: values[job.name]},
        }  # fmt: skip
        (folder / "final" / job.name / "test.json").write_text(json.dumps(content))


def test_a_test_of_other_weights_does_not_count(tmp_path: Path) -> None:
    """The run was gone on with, and has a better checkpoint since."""
    proof = make_proof(tmp_path, {"adam": [3.0, 1.0, 2.0], "sgd": ["failed"] * 3})
    proof = proof.with_winners(choose_winners(tmp_path, proof))
    plan = final_plan(tmp_path, proof, proof.winners or {})
    (tmp_path / "final").mkdir()
    plan.write(tmp_path / "final")
    leave_final(tmp_path, plan, {"adam-seed-7": 4.0, "adam-seed-8": 6.0}, step=80)
    assert [run.test for run in collect([tmp_path / "final"]).records] == [{}, {}]
    assert len(untested_runs(tmp_path)) == 2
    (tmp_path / "final" / "adam-seed-7" / "test.json").write_text('{"step": "90"}')
    with pytest.raises(CheckpointUnusable, match=r"test.json: cannot be read"):
        untested_runs(tmp_path)


def test_a_winner_on_the_edge_of_its_space_is_told(tmp_path: Path) -> None:
    proof = make_proof(tmp_path, {"adam": [1.0, 3.0, 2.0], "sgd": [2.0, 1.0, 3.0]})
    proof = proof.with_winners(choose_winners(tmp_path, proof))
    (line,) = describe_bounds(proof)
    assert line.startswith("adam: optimizer.lr=0.0001 is at the lower end of its space (log 1e-4")
    proof.write(tmp_path)
    assert read_proof(tmp_path) == proof
    assert read_proof(tmp_path).winners == proof.winners


def test_a_job_that_is_not_in_the_plan(tmp_path: Path) -> None:
    proof = make_proof(tmp_path, {"adam": [1.0, 3.0, 2.0], "sgd": [2.0, 1.0, 3.0]})
    other = replace(proof.contestants["adam"], tuning=[["../x"], ["b"], ["c"]])
    with pytest.raises(CheckpointUnusable, match="no job named"):
        choose_winners(tmp_path, replace(proof, contestants={**proof.contestants, "adam": other}))


WRONG: list[tuple[str, Any, str]] = [
    ("format", 2, "reads up to 1"),
    ("words", "text", "'it.words' is str"),
    ("seeds", [], "no seeds"),
    ("winners", {"adam": None}, "not its contestants"),
    ("cost", {"runs": 1}, "has no 'steps'"),
    ("contestants", {}, "no contestants"),
]


@pytest.mark.parametrize(("key", "value", "said"), WRONG)
def test_a_damaged_proof_is_refused(tmp_path: Path, key: str, value: Any, said: str) -> None:
    make_proof(tmp_path, {"adam": [1.0, 3.0, 2.0], "sgd": [2.0, 1.0, 3.0]})
    content = json.loads((tmp_path / NAME).read_text())
    (tmp_path / NAME).write_text(json.dumps({**content, key: value}))
    with pytest.raises(CheckpointUnusable, match=said):
        read_proof(tmp_path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    make_proof(tmp_path / "proof", {"adam": [1.0, 3.0, 2.0], "sgd": [2.0, 1.0, 3.0]})
    (tmp_path / "proof" / "final").symlink_to(tmp_path)
    with pytest.raises(CheckpointUnusable, match="final is a link"):
        read_proof(tmp_path / "proof")
    with pytest.raises(InputMissing, match="not a proof's folder"):
        read_proof(tmp_path)


def test_a_proof_is_resumed_as_it_was_planned(tmp_path: Path) -> None:
    proof = make_proof(tmp_path, {"adam": [1.0, 3.0, 2.0], "sgd": [2.0, 1.0, 3.0]})
    with pytest.raises(ConfigError, match="steps=9: a proof is resumed as it was planned"):
        resume_proof(tmp_path, ["steps=9"])
    plan = read_plan(tmp_path / "tuning")
    jobs = [replace(job, config={**job.config, "plugins": ["evil"]}) for job in plan.jobs]
    SweepPlan([], jobs).write(tmp_path / "tuning")
    with pytest.raises(ConfigError, match=r"was made with plugins=\[evil\]; give them again"):
        resume_proof(tmp_path, [])
    assert read_proof(tmp_path) == proof
