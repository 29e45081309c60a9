"""What tuning cost, and what a comparison warns of."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from genrun.comparison.compare import compare_runs
from genrun.comparison.options import CompareOptions
from genrun.comparison.verdict import Tuning, Verdict
from genrun.results.collect import collect
from genrun.results.proof_file import ContestantRecord, Cost, Proof
from tests.results.made_up import make_plan, make_run

RATES = [0.1, 0.01, 0.001]


def tried(
    folder: Path, name: str, bests: Sequence[float], rates: Sequence[float] = RATES,
    search: Mapping[str, Any] | None = None, **said: Any,
) -> None:  # fmt: skip
    """A sweep over rates of an optimizer, trials beginning a minute apart; 99 has failed."""
    names = []
    for place, (best, rate) in enumerate(zip(bests, rates, strict=True)):
        names.append(f"{name}-{place}")
        make_run(
            folder / names[-1], [50, 40 if best == 99 else best], choices={"optimizer": name},
            status="diverged" if best == 99 else "finished",
            started=f"2026-01-01T00:{place:02d}:00+00:00", optimizer__lr=rate, **said,
        )  # fmt: skip
    make_plan(folder, names, search)


def verdict_at(folder: Path, **asked: Any) -> Verdict:
    """With another contestant, whatever there is."""
    if not any("sgd" in path.read_text() for path in folder.rglob("run.json")):
        make_run(folder / "sgd", [50, 30], choices={"optimizer": "sgd"}, optimizer__lr=0.1)
    found = collect([folder])
    return compare_runs(
        found.records, CompareOptions(**{"by": ("optimizer",), **asked}), found.damaged
    )


def tuning(verdict: Verdict, name: str) -> Tuning:
    return next(one.tuning for one in verdict.workloads[0].standings if one.name == name)


RANDOM = {"sampler": "random", "space": {"optimizer.lr": "log 1e-3..1e-1"}}


def test_best_so_far_and_what_was_spent(tmp_path: Path) -> None:
    tried(tmp_path / "a", "adam", [9, 99, 5])
    found = tuning(verdict_at(tmp_path), "adam")
    assert [trial.value for trial in found.trials] == [9, math.inf, 5]
    assert [trial.best_so_far for trial in found.trials] == [9, 9, 5]
    assert [trial.spent["steps"] for trial in found.trials] == [10, 20, 30]
    assert [trial.spent["seconds"] for trial in found.trials] == [5, 10, 15]
    assert [trial.failed for trial in found.trials] == [False, True, False]
    assert found.sampling == "grid: in the order run"
    assert found.expected_best is None


def test_trials_come_in_the_order_in_which_they_began(tmp_path: Path) -> None:
    tried(tmp_path / "a", "adam", [9, 7, 5])
    info = tmp_path / "a" / "adam-2" / "run.json"
    said = json.loads(info.read_text())
    info.write_text(json.dumps({**said, "started": "2025-01-01T00:00:00+00:00"}))
    assert [trial.value for trial in tuning(verdict_at(tmp_path), "adam").trials] == [5, 9, 7]


def test_expected_best_of_trials_at_random(tmp_path: Path) -> None:
    """Of 9, 7, 5: one trial 7, two (7 + 5 + 5) / 3, three 5."""
    tried(tmp_path / "a", "adam", [9, 7, 5], search=RANDOM)
    found = tuning(verdict_at(tmp_path), "adam")
    assert found.sampling == "at random"
    assert found.expected_best == pytest.approx([7, 17 / 3, 5])


@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_other_searches_are_not_at_random(tmp_path: Path, sampler: str) -> None:
    tried(tmp_path / "a", "adam", [9, 7, 5], search={**RANDOM, "sampler": sampler})
    assert tuning(verdict_at(tmp_path), "adam").expected_best is None


@pytest.mark.parametrize(
    ("bests", "search", "edge"),
    [
        ([5, 7, 9], None, "optimizer.lr=0.1, lies on the upper edge"),
        ([9, 7, 5], None, "optimizer.lr=0.001, lies on the lower edge"),
        ([9, 5, 7], None, None),
        ([9, 7, 5], RANDOM, "optimizer.lr=0.001, lies on the lower edge"),
        ([9, 7, 5], {**RANDOM, "space": {"optimizer.lr": "log 1e-6..1"}}, None),
        ([9, 7, 5], {**RANDOM, "space": {"optimizer.lr": "nonsense"}}, None),
        ([9, 7, 5], {**RANDOM, "space": {"optimizer.lr": "0.1,0.01,0.001"}}, None),
    ],
)
def test_a_best_on_the_edge_of_what_was_searched(
    tmp_path: Path, bests: list[float], search: dict[str, Any] | None, edge: str | None
) -> None:
    tried(tmp_path / "a", "adam", bests, search=search)
    texts = [text for text in verdict_at(tmp_path).warnings if "edge" in text]
    assert [edge in text for text in texts] == ([True] if edge else [])


def test_two_values_have_no_middle(tmp_path: Path) -> None:
    tried(tmp_path / "a", "adam", [5, 9], rates=[0.1, 0.2])
    assert not any("edge" in text for text in verdict_at(tmp_path).warnings)


def test_unequal_trials_spaces_compute_and_seeds(tmp_path: Path) -> None:
    tried(tmp_path / "a", "adam", [9, 7, 5], search=RANDOM)
    wider = {"sampler": "random", "space": {"optimizer.lr": "log 1e-5..1e-1"}}
    tried(tmp_path / "b", "sgd", [9, 7], rates=[0.1, 0.01], search=wider, flops=1200)
    make_run(
        tmp_path / "c", [50, 7], 1, choices={"optimizer": "sgd"}, optimizer__lr=0.01, flops=1200
    )
    verdict = verdict_at(tmp_path)
    assert verdict.warnings[:4] == [
        "different numbers of trials: sgd 2 trials, adam 3 trials",
        "different search spaces: adam optimizer.lr=log 1e-3..1e-1; sgd optimizer.lr=2 values",
        "different compute (FLOPs a run): adam 1e+04, sgd 1.2e+04",
        "different numbers of seeds: adam 1 seed, sgd 2 seeds",
    ]
    assert "adam had 3 trials, sgd 2" in verdict.sentences[0]
    assert any("adam, sgd: the best of several" in text for text in verdict.warnings)


def test_of_many_the_least_and_the_most_are_named(tmp_path: Path) -> None:
    for place in range(7):
        for seed in range(1 + place):
            folder = tmp_path / f"{place}-{seed}"
            make_run(folder, [50, 9 + seed], seed, choices={"optimizer": f"sgd{place}"})
    text = "different numbers of seeds: from sgd0 1 seed to sgd6 7 seeds"
    assert verdict_at(tmp_path).warnings == [text]


def test_compute_that_differs_by_a_twentieth_is_equal(tmp_path: Path) -> None:
    for name, flops in (("adam", 1000), ("sgd", 1050)):
        make_run(tmp_path / name, [9, 5], choices={"optimizer": name}, flops=flops)
    assert verdict_at(tmp_path).warnings == []


def test_other_images_under_the_same_settings(tmp_path: Path) -> None:
    for place, name in enumerate(["adam", "sgd"]):
        make_run(tmp_path / name, [9, 5], choices={"optimizer": name}, digest=str(place) * 64)
    assert any("images differ" in text for text in verdict_at(tmp_path).warnings)


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    """Three trials of two optimizers, the best re-run with seeds 100 and 101 and tested."""
    contestants = {}
    names = {"tuning": [], "final": []}  # type: dict[str, list[str]]
    for name, add in (("adam", 0), ("sgd", 2)):
        for place, rate in enumerate(RATES):
            job = f"{name}-{place:03d}"
            make_run(
                tmp_path / "tuning" / job, [50, 5 + add + place], 0,
                choices={"optimizer": name}, optimizer__lr=rate,
            )  # fmt: skip
            names["tuning"].append(job)
        for seed in (100, 101):
            job = f"{name}-seed-{seed}"
            make_run(
                tmp_path / "final" / job, [50, 6 + add], seed, test=7.0 + add + seed / 1000,
                choices={"optimizer": name}, optimizer__lr=RATES[0],
            )  # fmt: skip
            names["final"].append(job)
        contestants[name] = ContestantRecord(
            word=f"optimizer={name}",
            space={"optimizer.lr": "log 1e-3..1"},
            trials=[{"optimizer.lr": str(rate)} for rate in RATES],
            tuning=[[f"{name}-{place:03d}"] for place in range(3)],
        )
    for stage, own in names.items():
        make_plan(tmp_path / stage, own)
    Proof(
        words=[], over="optimizer", budget=None, test=10, monitor="negative_elbo",
        tuning_seeds=[0], seeds=[100, 101], contestants=contestants,
        cost=Cost(10, 500.0, 500.0, None, None),
        warnings=[],
    ).write(tmp_path)  # fmt: skip
    return tmp_path


def test_a_proof_is_judged_by_fresh_runs_on_test_images(proof: Path) -> None:
    verdict = verdict_at(proof, by=())
    (workload,) = verdict.workloads
    assert verdict.by == ("optimizer",)
    assert workload.split == "test"
    adam, sgd = workload.standings
    assert adam.at_end is not None
    assert adam.at_end.values == {100: pytest.approx(7.1), 101: pytest.approx(7.101)}
    assert adam.settings == {"optimizer.lr": "0.1"}
    assert [trial.value for trial in sgd.tuning.trials] == [7, 8, 9]
    assert adam.tuning.at_random
    assert adam.tuning.expected_best == pytest.approx([6, 16 / 3, 5])
    assert verdict.warnings == []


def test_a_proof_before_its_last_stage(proof: Path) -> None:
    for job in (proof / "final").glob("adam*"):
        (job / "run.json").unlink()
    verdict = verdict_at(proof, by=())
    assert "adam is not compared: none of its runs has ended" in verdict.sentences


def test_a_damaged_proof_file_leaves_its_runs(proof: Path) -> None:
    (proof / "proof.json").write_text("[" * 100)
    verdict = verdict_at(proof)
    assert verdict.workloads[0].split == "test"
    assert tuning(verdict, "adam").at_random


def test_a_contestant_of_a_proof_without_a_sound_trial_has_lost(proof: Path) -> None:
    for place, rate in enumerate(RATES):
        make_run(
            proof / "tuning" / f"sgd-{place:03d}", [50], 0, status="diverged",
            choices={"optimizer": "sgd"}, optimizer__lr=rate,
        )  # fmt: skip
    make_plan(proof / "final", ["adam-seed-100", "adam-seed-101"])
    sentences = verdict_at(proof, by=()).sentences
    assert sentences == [
        "sgd failed in all 3 trials: diverged: it ended",
        "sgd has lost to adam: none of its 3 trials came to a sound end",
    ]
