"""A search without training: its runs' outcomes are written by the test."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from genrun.core.errors import CheckpointUnusable
from genrun.sweeps.plan import Job, SweepPlan, compute_identity, read_plan
from tests.conftest import SMALL

pytest.importorskip("optuna")

from optuna.trial import TrialState  # needs Optuna

from genrun.results.summary.search import search_facts
from genrun.results.summary.show import show_sweep
from genrun.runs.layout import JOURNAL
from genrun.runs.optuna_journal import create_study, open_study
from genrun.sweeps.job_state import JobState, job_state
from genrun.sweeps.pruner_study import attach_search_study
from genrun.sweeps.search.job_source import SearchJobSource, open_search
from genrun.sweeps.search.settings import SearchSettings
from genrun.sweeps.search.status import search_status
from genrun.sweeps.search.trials import SearchStudy, TrialOutcome, decide_outcome

RUN = {
    "choices": {}, "overrides": [], "steps": 12, "monitor": "m", "resumed": [],
    "environment": {"device": "cpu", "threads": 1}, "parameters": {"vae": 1},
    "data": {"name": "d", "digest": "0", "shape": [1, 2, 2]},
}  # fmt: skip
LR = {"optimizer.lr": "log 1e-5..1e-1"}


def begin(folder: Path, **changed: Any) -> Path:
    search = {
        "sampler": "random", "trials": 3, "seeds": [0], "seed": 0, "batch": 8, "space": LR,
        "words": ["model=vae", *SMALL], "config_dir": None, "made": {}, **changed,
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    SweepPlan(["model=vae"], [], search).write(folder)
    create_study(folder / JOURNAL)
    return folder


def end(sweep: Path, job: Job, value: float, status: str = "finished", why: str = "") -> JobState:
    """Writes the run.json that the job would have written."""
    best = {"step": 12, "value": value}
    content = {**RUN, "status": status, "reason": why, "step": 12, "best": best}
    (sweep / job.name).mkdir(exist_ok=True)
    (sweep / job.name / "run.json").write_text(json.dumps(content))
    return job_state(sweep, job)


def ended(sweep: Path, plan: SweepPlan) -> tuple[int, int]:
    """How many trials failed, and how many are left that no process runs."""
    status = search_status(sweep, plan)
    return status.failed, 0 if status.running_elsewhere else status.left


def jobs_of(search: SearchJobSource) -> Iterator[Job]:
    return iter(search.take, None)


def reported(sweep: Path) -> list[tuple[str, float | None]]:
    return [(trial.state.name, trial.value) for trial in open_study(sweep / JOURNAL).trials()]


def learning_rates(sweep: Path) -> list[float]:
    return [trial.params["optimizer.lr"] for trial in open_study(sweep / JOURNAL).trials()]


def test_trials_become_jobs_and_are_reported(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s")
    with open_search(sweep) as search:
        jobs = list(jobs_of(search))
        assert [job.name[:18] for job in jobs] == [f"000{n},optimizer.lr=" for n in range(3)]
        assert [job.config["optimizer"]["lr"] for job in jobs] == learning_rates(sweep)
        assert [job.name for job in read_plan(sweep).jobs] == [job.name for job in jobs]
        assert all(job.identity == compute_identity(job.config) for job in jobs)
        for value, job in zip([3.0, 1.0, 2.0], jobs, strict=True):
            search.job_ended(end(sweep, job, value))
        assert search.take() is None
    assert reported(sweep) == [("COMPLETE", 3.0), ("COMPLETE", 1.0), ("COMPLETE", 2.0)]


def test_the_first_seed_goes_ahead_and_the_mean_counts(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s", trials=1, seeds=[4, 7, 9])
    with open_search(sweep) as search:
        (first,) = jobs_of(search)
        assert first.config["seed"] == 4
        search.job_ended(end(sweep, first, 1.0))
        second, third = jobs_of(search)
        assert [second.config["seed"], third.config["seed"]] == [7, 9]
        assert len({job.configuration for job in (first, second, third)}) == 1
        search.job_ended(end(sweep, second, 2.0))
        assert reported(sweep) == [("RUNNING", None)]
        search.job_ended(end(sweep, third, 6.0))
    assert reported(sweep) == [("COMPLETE", 3.0)]


@pytest.mark.parametrize(
    ("status", "why", "expected"),
    [
        ("stopped_early", "pruner: median, m was 9 at step 6", "PRUNED"),
        ("diverged", "loss was nan at step 6", "PRUNED"),
        ("failed", "RuntimeError: no", "FAIL"),
    ],
)
def test_a_trial_whose_first_seed_does_not_survive_has_no_others(
    status: str, why: str, expected: str, tmp_path: Path
) -> None:
    sweep = begin(tmp_path / "s", trials=1, seeds=[0, 1])
    with open_search(sweep) as search:
        (first,) = jobs_of(search)
        search.job_ended(end(sweep, first, 9.0, status, why))
        assert search.take() is None
    assert reported(sweep) == [(expected, None)]
    assert len(read_plan(sweep).jobs) == 1


def test_another_policy_that_stops_early_completes_a_trial(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s", trials=1)
    with open_search(sweep) as search:
        (job,) = jobs_of(search)
        search.job_ended(end(sweep, job, 2.0, "stopped_early", "early: m has not improved"))
    assert reported(sweep) == [("COMPLETE", 2.0)]


def test_processes_share_a_search_and_none_asks_twice(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s", trials=4)
    with open_search(sweep) as one, open_search(sweep) as two:
        jobs = [source.take() for source in (one, two, two, one, one, two)]
        assert jobs[4:] == [None, None]
        mine, theirs = (jobs[0], jobs[3]), (jobs[1], jobs[2])
        assert len({job.name for job in (*mine, *theirs) if job}) == 4
        for source, own in ((one, mine), (two, theirs)):
            for job in own:
                source.job_ended(end(sweep, job, 1.0))
    assert reported(sweep) == [("COMPLETE", 1.0)] * 4
    assert {int(n) for n in SearchSettings.from_plan(read_plan(sweep)).made} == {0, 1, 2, 3}


def test_trials_of_a_killed_process_are_resumed(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s", seeds=[0, 1])
    killed = SearchJobSource(sweep)
    begun = [killed.take(), killed.take()]
    end(sweep, begun[0], 1.0)  # and it was killed before it reported this
    with open_search(sweep) as other:
        assert other.take().name[:4] == "0002", "the others are still locked"
    killed.release()  # the system does this
    with open_search(sweep) as search:
        again = list(jobs_of(search))
        assert [(j.name[:4], j.config["seed"]) for j in again] == [
            ("0000", 1), ("0001", 0), ("0002", 0),
        ]  # fmt: skip
        assert again[1] == begun[1]
    assert len(read_plan(sweep).jobs) == 4


def test_a_job_that_was_stopped_waits_for_a_resume(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s", trials=1)
    with open_search(sweep) as search:
        (job,) = jobs_of(search)
        search.job_ended(end(sweep, job, 1.0, "interrupted"))
        assert search.take() is None
        assert reported(sweep) == [("RUNNING", None)]
    with open_search(sweep) as search:
        assert list(jobs_of(search)) == [job]


def test_a_trial_of_a_process_killed_while_it_drew_is_abandoned(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s", trials=2)
    open_study(sweep / JOURNAL).study.ask()  # and none of its values were drawn
    with open_search(sweep) as search:
        assert [job.name[:4] for job in jobs_of(search)] == ["0001", "0002"]
    assert reported(sweep)[0] == ("FAIL", None)


def test_a_trial_of_a_process_killed_before_it_planned_its_runs(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s", trials=2)
    with open_search(sweep) as search:
        first = search.take()
    begin(tmp_path / "s", trials=2)  # the plan as it was before
    with open_search(sweep) as search:
        assert search.take() == first
        assert [job.name[:4] for job in jobs_of(search)] == ["0001"]


def test_a_failed_trial_is_retried_by_a_resume_and_counts_once(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s", trials=2)
    with open_search(sweep) as search:
        bad, good = jobs_of(search)
        search.job_ended(end(sweep, bad, 1.0, "failed", "OSError: disk full"))
        search.job_ended(end(sweep, good, 2.0))
        assert search.take() is None, "not in the same session: it would fail again"
    assert reported(sweep) == [("FAIL", None), ("COMPLETE", 2.0)]
    with open_search(sweep) as search:
        assert list(jobs_of(search)) == [bad], "the same folder, from its checkpoint"
        search.job_ended(end(sweep, bad, 1.0))
    assert reported(sweep) == [("FAIL", None), ("COMPLETE", 2.0), ("COMPLETE", 1.0)]
    with open_search(sweep) as search:
        assert search.take() is None
    trials = SearchStudy(sweep / JOURNAL, SearchSettings.from_plan(read_plan(sweep)))
    assert (trials.count_asked(), trials.count_remaining(), trials.failed()) == (2, 0, [])


def test_equal_points_are_run_once_and_reported_alike(tmp_path: Path) -> None:
    space = {"optimizer": "adam,rmsprop"}
    sweep = begin(tmp_path / "s", trials=6, space=space)
    with open_search(sweep) as search:
        jobs = list(jobs_of(search))
        assert len(jobs) == 2
        search.job_ended(end(sweep, jobs[0], 1.0))
        search.job_ended(end(sweep, jobs[1], 9.0, "diverged", "loss was nan"))
    first = jobs[0].config["optimizer"]["_target_"]
    outcomes = {("COMPLETE", 1.0): 0, ("PRUNED", None): 0}
    for outcome in reported(sweep):
        outcomes[outcome] += 1
    assert sum(outcomes.values()) == 6
    assert min(outcomes.values()) > 0, first


def test_an_equal_point_is_run_by_the_process_that_drew_it_first(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s", trials=2)
    one, two = SearchJobSource(sweep), SearchJobSource(sweep)
    job = one.take()
    opened = open_study(sweep / JOURNAL)
    opened.study.enqueue_trial(opened.trials()[0].params)
    assert two.take() is None, "the second trial has the values of the first"
    one.job_ended(end(sweep, job, 3.0))
    two.release()
    assert one.take() is None
    one.release()
    assert reported(sweep) == [("COMPLETE", 3.0)] * 2


def test_an_invalid_point_fails_and_the_search_continues(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = {"optimizer": "adam,sgd", "optimizer.betas": "[0.9,0.99],[0.5,0.9]"}
    sweep = begin(tmp_path / "s", sampler="grid", trials=4, space=space)
    with open_search(sweep) as search:
        for job in jobs_of(search):
            search.job_ended(end(sweep, job, 1.0))
    assert sorted(state for state, _ in reported(sweep)) == [
        "COMPLETE",
        "COMPLETE",
        "FAIL",
        "FAIL",
    ]
    assert "optimizer.betas: there is no such key" in capsys.readouterr().out
    assert ended(sweep, read_plan(sweep)) == (2, 0)


def test_only_the_first_run_of_a_trial_has_a_pruner(tmp_path: Path) -> None:
    words = ["model=vae", "stopping=[pruner,early]", *SMALL]
    sweep = begin(tmp_path / "s", trials=2, seeds=[0, 1], words=words)
    with open_search(sweep) as search:
        jobs = list(jobs_of(search))
        search.job_ended(end(sweep, jobs[1], 1.0))
        jobs += jobs_of(search)
    asking = [attach_search_study(job.config, sweep, job.name)["stopping"] for job in jobs]
    assert [(s.get("pruner") or {}).get("trial") for s in asking] == [0, 1, None]
    assert all("early" in settings for settings in asking)
    assert asking[0]["pruner"]["study"].endswith(JOURNAL)
    assert not asking[0]["pruner"]["study"].startswith("/")
    assert jobs[0].config["stopping"]["pruner"]["study"] is None, (
        "the plan is the same on any machine"
    )


@pytest.mark.parametrize(
    ("space", "value", "said"),
    [
        ({"optimizer.lr": "log 1e-5..1e-1/3"}, 0.1, "optimizer.lr=0.1 is on the upper bound"),
        ({"optimizer.lr": "log 1e-5..1e-1/3"}, 1e-5, "1e-05 is on the lower bound"),
        ({"optimizer.lr": "log 1e-5..1e-1/3"}, 0.001, None),
    ],
)
def test_the_best_on_a_bound_is_reported(
    space: dict[str, str], value: float, said: str | None, tmp_path: Path
) -> None:
    sweep = begin(tmp_path / "s", sampler="grid", space=space)
    with open_search(sweep) as search:
        for job in jobs_of(search):
            rate = job.config["optimizer"]["lr"]
            search.job_ended(end(sweep, job, 1.0 if rate == value else 2.0))
    assert ended(sweep, read_plan(sweep)) == (0, 0)
    facts = search_facts(sweep, read_plan(sweep))
    assert facts["best"].startswith(f"optimizer.lr={value!r} (1)")
    assert facts["trials"] == "3 complete"
    assert (said or "") in facts.get("note", "")
    assert ("note" in facts) == (said is not None)


def test_counts_of_remaining_and_running_trials(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s", trials=4)
    with open_search(sweep) as one:
        one.take()
        with open_search(sweep) as two:
            two.take()
        assert ended(sweep, read_plan(sweep)) == (0, 0), "a running process will take them"
        facts = search_facts(sweep, read_plan(sweep))
        assert facts["under way"] == "1 trials in other processes"
    assert ended(sweep, read_plan(sweep)) == (0, 4)


def draw(sweep: Path, count: int, outcome: Callable[[dict[str, str]], TrialOutcome]) -> None:
    """Draws trials and reports how they ended, without runs."""
    trials = SearchStudy(sweep / JOURNAL, SearchSettings.from_plan(read_plan(sweep)))
    for _ in range(count):
        trial = trials.ask()
        trials.tell(trial.number, outcome(trials.format_values(trial)))


def by_rate(words: dict[str, str]) -> TrialOutcome:
    """The best is at the edge of where runs diverge."""
    exponent = math.log10(float(words["optimizer.lr"]))
    if exponent > -2:
        return outcome_of("diverged")
    return TrialOutcome(TrialState.COMPLETE, (exponent + 2) ** 2)


def outcome_of(status: str) -> TrialOutcome:
    job = Job("", "", [], {}, {})
    found = decide_outcome([JobState(job, Path(), status, "", {})], 1)
    assert found is not None
    return found


@pytest.mark.parametrize("sampler", ["random", "qmc", "tpe"])
def test_a_sampler_draws_the_same_however_often_it_is_stopped(
    sampler: str, tmp_path: Path
) -> None:
    space = {
        **LR,
        "steps": "int 1..9",
        "optimizer": "adam,sgd",
        "data.batch_size": "log int 1..64",
    }
    drawn = []
    for seed, sessions in ((0, 1), (0, 5), (1, 1)):
        folder = tmp_path / f"{seed}-{sessions}"
        sweep = begin(folder, sampler=sampler, trials=15, space=space, seed=seed)
        for _ in range(sessions):
            draw(sweep, 15 // sessions, by_rate)
        drawn.append([trial.params for trial in open_study(sweep / JOURNAL).trials()])
    assert drawn[0] == drawn[1] != drawn[2]
    rates = [params["optimizer.lr"] for params in drawn[0]]
    assert len(set(rates)) == 15
    assert all(1e-5 <= rate <= 0.1 for rate in rates)
    assert {params["optimizer"] for params in drawn[0]} == {"adam", "sgd"}
    assert {type(params["steps"]) for params in drawn[0]} == {int}
    assert len({params["steps"] for params in drawn[0]}) > 4


def test_tpe_avoids_where_runs_diverge_and_returns_to_good_values(
    tmp_path: Path,
) -> None:
    good, diverged = 0, 0
    for seed in range(3):
        space = {"optimizer.lr": "log 1e-6..1"}
        sweep = begin(tmp_path / f"s{seed}", sampler="tpe", trials=40, seed=seed, space=space)
        draw(sweep, 40, by_rate)
        late = learning_rates(sweep)[15:]
        good += sum(1e-3 < rate <= 1e-2 for rate in late)  # a sixth of the range
        diverged += sum(rate > 1e-2 for rate in late)  # a third
    assert good > 2 * 75 / 6, "twice what chance gives"
    assert diverged < 75 / 2


def test_qmc_covers_a_range_evenly(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s", sampler="qmc", trials=17)
    draw(sweep, 17, lambda words: TrialOutcome(TrialState.COMPLETE, 0.0))
    after_the_first = learning_rates(sweep)[1:]  # which Optuna draws at random
    cells = sorted(int((math.log10(rate) + 5) * 4) for rate in after_the_first)
    assert cells == list(range(16))


def test_a_grid_is_tried_once_each_in_an_order_of_its_seed(tmp_path: Path) -> None:
    space = {"optimizer": "adam,rmsprop", "optimizer.lr": "log 1e-4..1e-2/3"}
    orders = []
    for seed, sessions in ((0, 1), (0, 3), (1, 1)):
        folder = tmp_path / f"{seed}-{sessions}"
        sweep = begin(folder, sampler="grid", trials=6, seed=seed, space=space)
        for _ in range(sessions):
            open_study(sweep / JOURNAL).study.ask()  # by a process that was killed then
            draw(sweep, 6 // sessions, lambda words: outcome_of("failed"))
        trials = open_study(sweep / JOURNAL).trials()
        orders.append([tuple(trial.params.values()) for trial in trials if trial.params])
    assert orders[0] == orders[1] != orders[2]
    assert set(orders[0]) == {
        (o, r) for o in ("adam", "rmsprop") for r in ("0.0001", "0.001", "0.01")
    }


def test_a_missing_journal_is_reported(tmp_path: Path) -> None:
    sweep = begin(tmp_path / "s")
    with open_search(sweep) as search:
        search.take()
    (sweep / JOURNAL).unlink()
    with (
        pytest.raises(CheckpointUnusable, match="journal of this search is missing"),
        open_search(sweep),
    ):
        pass
    assert not (sweep / JOURNAL).exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"trials": "3"}, {"made": {"x": []}}, {"made": {"0": ["../../etc"]}}, {"made": {"0": []}},
        {"space": {"a": 1}}, {"words": "model=vae"}, {"seeds": [True]},
    ],
)  # fmt: skip
def test_an_untrusted_plan_is_checked_against_its_schema(
    changed: dict[str, Any], tmp_path: Path
) -> None:
    sweep = begin(tmp_path / "s")
    plan = json.loads((sweep / "plan.json").read_text())
    plan["search"] |= changed
    (sweep / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(CheckpointUnusable, match="cannot be read"):
        read_plan(sweep)


def test_show_describes_the_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = begin(tmp_path / "s", trials=4)
    show_sweep(sweep)
    assert "4 trials not done; resume with: genrun resume" in capsys.readouterr().out
    draw(sweep, 4, lambda values: TrialOutcome(TrialState.COMPLETE, float(values["optimizer.lr"])))
    show_sweep(sweep)
    shown = capsys.readouterr().out
    assert "complete" in shown
    assert "best" in shown
    (sweep / JOURNAL).unlink()
    show_sweep(sweep)
    assert JOURNAL in capsys.readouterr().out
