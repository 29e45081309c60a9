"""The pruner: its decisions, that the study keeps them, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genrun.components.stopping.pruner import Pruner
from genrun.core.errors import InputMissing
from genrun.core.protocols.stopping import Stopper
from genrun.core.types import StepReport
from genrun.experiment.stopping import TrialStopper
from tests.conftest import study_of

pytest.importorskip("optuna")

from genrun.runs.optuna_journal import open_study  # needs Optuna


def policy(journal: Path, trial: int, kind: str = "median", **changed: int) -> Pruner:
    settings = {"warmup_steps": 1, "startup_trials": 1, "reduction_factor": 2, **changed}
    return Pruner(kind=kind, monitor="m", study=str(journal), trial=trial, **settings)


def pruner(journal: Path, trial: int, kind: str = "median", **changed: int) -> Stopper:
    return TrialStopper.from_settings(policy(journal, trial, kind, **changed))


def run(stopper: Stopper, values: dict[int, float]) -> int | None:
    state = stopper.start()
    for step, value in values.items():
        state, reason = stopper.observe(state, StepReport(step, 0, 0.0, {"m": value}))
        if reason:
            return step
    return None


GOOD, WORSE = {1: 5.0, 2: 3.0, 3: 1.0}, {1: 6.0, 2: 4.0, 3: 2.0}


@pytest.mark.parametrize(
    ("changed", "values", "expected"),
    [
        ({}, {1: 7.0}, 1),
        ({}, {1: 5.4, 2: 3.6}, 2),  # the medians are 5.5, 3.5 and 1.5
        ({}, {1: 5.4, 2: 3.4, 3: 1.4}, None),
        ({}, {1: 2.0, 2: 9.0}, None),  # the best so far counts
        ({"warmup_steps": 3}, {1: 7.0, 2: 7.0, 3: 7.0}, 3),
        ({"startup_trials": 3}, {1: 7.0, 2: 7.0, 3: 7.0}, None),
        ({}, {4: 99.0}, None),  # no other trial was measured at this step
        ({}, {0: 99.0}, None),  # untrained networks are not compared
    ],
)
def test_median(
    changed: dict[str, int], values: dict[int, float], expected: int | None, tmp_path: Path
) -> None:
    study_of(tmp_path / "j", [GOOD, WORSE])
    assert run(pruner(tmp_path / "j", 2, **changed), values) == expected


@pytest.mark.parametrize(
    ("warmup", "values", "expected"),
    [
        (1, {1: 9.0}, 1),
        (2, {1: 9.0, 2: 9.0}, 2),
        (1, {1: 0.5, 2: 0.5, 4: 9.0}, None),  # it was alone at the second and third rung
    ],
)
def test_asha_continues_the_best_half(
    warmup: int, values: dict[int, float], expected: int | None, tmp_path: Path
) -> None:
    study_of(tmp_path / "j", [])
    opened = open_study(tmp_path / "j")
    for number in (1, 2, 3):
        opened.study.ask()
        run(pruner(tmp_path / "j", number, "asha", warmup_steps=warmup), {warmup: 1.0 + number})
    assert run(pruner(tmp_path / "j", 0, "asha", warmup_steps=warmup), values) == expected


def test_hyperband_waits_for_the_first_complete_trial_then_prunes(tmp_path: Path) -> None:
    study_of(tmp_path / "j", [])
    opened = open_study(tmp_path / "j")
    assert run(pruner(tmp_path / "j", 0, "hyperband"), {1: 9.0, 2: 9.0, 4: 9.0}) is None
    opened.study.tell(0, 9.0)
    stopped = []
    for number in range(1, 13):
        opened.study.ask()
        values = dict.fromkeys((1, 2, 4), float(number))
        stopped.append(run(pruner(tmp_path / "j", number, "hyperband"), values))
    assert None in stopped
    assert set(stopped) - {None}, "each worse than the one before"


def test_a_decision_stays_whatever_other_trials_report_later(tmp_path: Path) -> None:
    """A run that is killed and resumes from an earlier step ends as it would have."""
    study_of(tmp_path / "j", [GOOD, WORSE])
    continued = pruner(tmp_path / "j", 2)
    assert run(continued, {1: 5.4}) is None
    study = open_study(tmp_path / "j").study
    study.ask()
    study.ask()
    stopped = pruner(tmp_path / "j", 3)
    assert run(stopped, {1: 7.0}) == 1
    study.tell(4, 0.0)
    for trial in range(5, 9):  # with which both decisions would differ
        study.ask()
        for step in (1, 2):
            open_study(tmp_path / "j").storage.set_trial_intermediate_value(trial, step, 0.0)
        study.tell(trial, 0.0)
    assert run(continued, {1: 5.4}) is None
    assert run(continued, {1: 5.4, 2: 3.0}) == 2
    assert run(stopped, {1: 0.0}) == 1
    assert run(stopped, {2: 0.0}) == 2, "it was stopped before"


def test_reason_description_and_reported_values(tmp_path: Path) -> None:
    study_of(tmp_path / "j", [GOOD])
    stopper = pruner(tmp_path / "j", 1)
    assert stopper.describe(stopper.start()) == "pruner: median, nothing reported"
    state, reason = stopper.observe(stopper.start(), StepReport(1, 0, 0.0, {"m": 7.5}))
    assert reason == "pruner: median, m was 7.5 at step 1"
    assert stopper.describe(json.loads(json.dumps(state))) == "pruner: median, 7.5"
    trial = open_study(tmp_path / "j").trials()[1]
    assert trial.intermediate_values == {1: 7.5}


def test_a_finished_trial_is_not_changed(tmp_path: Path) -> None:
    """Its run may be trained further on its own: genrun resume RUN steps=…"""
    study_of(tmp_path / "j", [GOOD])
    open_study(tmp_path / "j").study.tell(1, 3.0)
    before = (tmp_path / "j").read_bytes()
    assert run(pruner(tmp_path / "j", 1), {1: 99.0}) is None
    assert (tmp_path / "j").read_bytes() == before


def test_the_study_is_opened_at_the_first_value(tmp_path: Path) -> None:
    stopper = pruner(tmp_path / "missing", 0)
    state, reason = stopper.observe(stopper.start(), StepReport(1, 0, 0.0))
    assert (state, reason) == ({"last": None}, None)
    with pytest.raises(InputMissing, match="missing"):
        stopper.observe(state, StepReport(2, 0, 0.0, {"m": 1.0}))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"study": None}, "only in a search"),
        ({"trial": None}, "only in a search"),
        ({"kind": "halving"}, "kind=halving: must be median, asha, hyperband"),
    ],
)
def test_invalid_settings(changed: dict[str, str | None], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        Pruner(**{**vars(policy(tmp_path, 0)), **changed})
