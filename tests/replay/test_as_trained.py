"""Replayed over a run without it, a policy stops at the step where it stops a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from genrun.core.status import is_pruned
from genrun.replay.outcome import ReplayOutcome
from genrun.replay.policies import parse_policies
from genrun.replay.replay import replay_runs
from genrun.results.curve import Axis
from genrun.runs.folder import RunFolder
from genrun.terminal.plain import SilentDisplay
from genrun.training.plan import TrainingOutcome
from tests.conftest import STOPPING_SETTINGS, choices
from tests.test_resume import prepare

WORDS = [
    "model=vae", "steps=40", "evaluate_every=4", "log_every=3", "optimizer.lr=0.02",
    "sample_every=100", "save_every=100",
]  # fmt: skip
CASES = [
    *[
        ([name], STOPPING_SETTINGS.get(name, []))
        for name in choices("stopping")
        if name != "pruner"
    ],
    (["budget"], ["stopping.budget.flops=3e8"]),
    (["early", "budget"], [*STOPPING_SETTINGS["early"], *STOPPING_SETTINGS["budget"]]),
    (["budget", "target"], ["stopping.budget.examples=10000", *STOPPING_SETTINGS["target"]]),
]


def train(folder: Path, *words: str) -> TrainingOutcome:
    folder.mkdir()
    return prepare(*WORDS, *words).train(folder, SilentDisplay())


def replayed(
    folders: Sequence[Path], words: Sequence[str], axis: Axis = "steps"
) -> list[ReplayOutcome]:
    (outcomes,) = replay_runs(folders, parse_policies(words), None, axis).outcomes.values()
    return outcomes


@pytest.fixture(scope="module")
def unstopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without any policy."""
    folder = tmp_path_factory.mktemp("runs") / "unstopped"
    assert train(folder).status == "finished"
    return folder


@pytest.mark.parametrize(("names", "settings"), CASES, ids=lambda part: ",".join(part))
def test_it_stops_at_the_same_step_for_the_same_reason(
    names: list[str], settings: list[str], unstopped: Path, tmp_path: Path
) -> None:
    words = [f"stopping=[{','.join(names)}]", *settings]
    ended = train(tmp_path / "stopped", *words)
    assert ended.status == "stopped_early", (
        "give settings with which it stops within 40 steps in STOPPING_SETTINGS of "
        "tests/conftest.py"
    )
    info = RunFolder.open(tmp_path / "stopped").read()
    (found,) = replayed([unstopped], words, "flops")
    assert (found.step, found.reason) == (info["step"], info["reason"])
    assert found.spent == info["compute"]["flops"]
    assert 0 < info["step"] < 40


def test_the_last_evaluation_of_a_stopped_run_is_not_replayed(
    tmp_path: Path,
) -> None:
    """It was made because a policy had stopped, so no policy observed it."""
    ended = train(tmp_path / "stopped", "stopping=budget", "stopping.budget.examples=100")
    assert ended.status == "stopped_early"
    rows = RunFolder.open(tmp_path / "stopped").rows()
    assert rows[-1]["step"] == 13
    last = rows[-1]["held_out/negative_elbo"]
    assert last < min(row["held_out/negative_elbo"] for row in rows[:-1] if row["step"] % 4 == 0)
    words = ["stopping=target", f"stopping.target.value={last}"]
    (found,) = replayed([tmp_path / "stopped"], words)
    assert found.step is None
    assert found.best == last, "it counts as what the run reached"


def test_a_pruner_stops_the_same_trials(tmp_path: Path) -> None:
    """A search of one run at a time with the pruner, then the same runs without it."""
    pytest.importorskip("optuna")
    from optuna.trial import TrialState

    from genrun.runs.optuna_journal import create_study, open_study

    create_study(tmp_path / "search.jsonl")
    study, expected = open_study(tmp_path / "search.jsonl").study, []
    rates = ["optimizer.lr=0.01", "optimizer.lr=0.001", "optimizer.lr=0.02"]
    words = ["stopping=pruner", *STOPPING_SETTINGS["pruner"]]
    for number, rate in enumerate(rates):
        study_word = [f"stopping.pruner.study='{tmp_path / 'search.jsonl'}'"]
        words_of_trial = [*words, *study_word, f"stopping.pruner.trial={study.ask().number}", rate]
        ended = train(tmp_path / f"pruned-{number}", *words_of_trial)
        info = RunFolder.open(tmp_path / f"pruned-{number}").read()
        pruned = is_pruned(ended.status, ended.reason)
        state = TrialState.PRUNED if pruned else TrialState.COMPLETE
        study.tell(number, None if pruned else info["best"]["value"], state)
        expected.append((info["step"], info["reason"]) if pruned else (None, ""))
        train(tmp_path / f"unstopped-{number}", rate)
    found = replayed(sorted(tmp_path.glob("unstopped-*")), words)
    assert [(outcome.step, outcome.reason) for outcome in found] == expected
    assert {step is None for step, _ in expected} == {True, False}, (
        "otherwise this test checks little"
    )
