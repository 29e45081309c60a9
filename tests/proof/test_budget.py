"""The same for every run, whatever a step of a contestant takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from genrun.config.compose import compose
from genrun.core.errors import ConfigError
from genrun.experiment.build import Built
from genrun.proof.budget import RunBudget, budget_overrides, read_budget
from genrun.proof.cost import describe_unequal_costs, estimate_cost
from genrun.proof.step_cost import StepCost
from genrun.results.proof_file import Cost
from genrun.training.meters.flops import count_step_flops
from tests.conftest import SMALL

STEP = StepCost(
    "mse",
    examples=128,
    flops=1000,
    checkpoint=1,
    steps=12,
    build_seconds=0.25,
    step_seconds=0.5,
    evaluation_seconds=2.0,
)
CONFIG = {"stopping": {"early": {}}, "schedule": {"total_iters": 0}}


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [("2000", 2000, "steps"), ("50 steps", 50, "steps"), ("1e6 examples", 1e6, "examples"),
     ("0.5 seconds", 0.5, "seconds"), ("1.5e12  flops", 1.5e12, "flops")],
)  # fmt: skip
def test_what_a_budget_may_be(text: str, amount: float, unit: str) -> None:
    assert read_budget(text) == RunBudget(amount, unit)


@pytest.mark.parametrize("text", ["", "0", "-3", "nan", "5 hours", "1e99 flops", "2.5 steps"])
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(ConfigError, match="budget="):
        read_budget(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("30", ["steps=30", "epochs=null"]),
        ("1000 examples", ["steps=7", "epochs=null"]),
        ("9999 flops", ["steps=9", "epochs=null"]),
        ("60 seconds", ["steps=1000000000", "epochs=null", "stopping=[early,budget]",
                        "stopping.budget.seconds=60.0"]),
    ],
)  # fmt: skip
def test_what_holds_a_run_to_it(text: str, words: list[str]) -> None:
    assert budget_overrides(read_budget(text), CONFIG, STEP, "adam") == words


def test_a_budget_that_cannot_be_kept() -> None:
    with pytest.raises(ConfigError, match="a single step of adam takes 1000 flops"):
        budget_overrides(read_budget("999 flops"), CONFIG, STEP, "adam")
    unknown = StepCost("mse", 128, None, 1, 12)
    with pytest.raises(ConfigError, match="cannot be counted"):
        budget_overrides(read_budget("999 flops"), CONFIG, unknown, "adam")
    cosine = {**CONFIG, "schedule": {"T_max": None}}
    with pytest.raises(ConfigError, match=r"schedule.T_max is null"):
        budget_overrides(read_budget("5 seconds"), cosine, None, "adam")


def test_updates_that_take_two_gradients_take_half_the_steps(small: Callable[..., Built]) -> None:
    budget = read_budget("1e8 flops")
    steps, spent = {}, {}
    for updates in ("simultaneous", "extragradient"):
        built = small("model=gan", f"updates={updates}", "regularization=[]")
        flops = count_step_flops(built.step)
        found = StepCost("m", built.step.examples_per_step, flops, 1, 12)
        word = budget_overrides(budget, CONFIG, found, updates)[0]
        steps[updates] = int(word.removeprefix("steps="))
        spent[updates] = steps[updates] * flops
        assert spent[updates] <= budget.amount < spent[updates] + flops
    assert abs(steps["extragradient"] - steps["simultaneous"] / 2) <= 1
    assert abs(spent["extragradient"] / spent["simultaneous"] - 1) < 0.05


def test_cost_is_of_all_trials_and_of_one_of_them_again() -> None:
    point = compose([*SMALL, "evaluate_every=5"])
    quick = StepCost("mse", 128, 10, 1, steps=12)
    cost = estimate_cost([(point, STEP), (point, quick)], STEP, repeats=3, seeds=4, budget=None)
    runs = 3 * 2 + 4
    assert (cost.runs, cost.steps, cost.examples) == (runs, runs * 12, runs * 12 * 128)
    assert cost.flops == runs * 12 * (1000 + 10) / 2
    assert cost.seconds == runs * (0.25 + 12 * 0.5 + 3 * 2.0)  # evaluations at steps 0, 5 and 10
    clock = estimate_cost([(point, STEP)], STEP, 1, 0, read_budget("60 seconds"))
    assert clock.steps == 120


def test_unequal_compute_is_said() -> None:
    costs = {"a": Cost(2, 1, 1, 20.0, None), "b": Cost(2, 1, 1, 40.0, None)}
    assert "a run of b takes 2 times the FLOPs of one of a" in (
        describe_unequal_costs(costs) or ""
    )
    assert describe_unequal_costs({**costs, "b": Cost(4, 1, 1, 41.0, None)}) is None
