"""The estimated cost of a proof, printed before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from genrun.config.compose import Composed
from genrun.core.formatting import format_amount, format_duration
from genrun.proof.budget import RunBudget
from genrun.proof.step_cost import StepCost
from genrun.results.proof_file import Cost
from genrun.terminal.tables import print_line, print_table

UNEQUAL = 1.05  # ratio of FLOPs from which contestants' runs are reported as unequal
NOTHING = Cost(0, 0.0, 0.0, 0.0, 0.0)


def estimate_cost(
    points: Sequence[tuple[Composed, StepCost]],
    timed: StepCost,
    repeats: int,
    seeds: int,
    budget: RunBudget | None,
) -> Cost:
    """Estimates the cost of a contestant: its trials `repeats` times, and `seeds` final runs.

    `points` are its trials with their step costs; `timed` is a step cost with times. A run that a
    stopping policy ends costs less. The final runs are of an average trial.
    """
    runs = repeats * len(points) + seeds
    total = sum((_run_cost(point, found, timed, budget) for point, found in points), start=NOTHING)
    share = runs / len(points)
    return Cost(
        runs,
        total.steps * share,
        total.examples * share,
        _times(total.flops, share),
        _times(total.seconds, share),
    )


def _run_cost(point: Composed, found: StepCost, timed: StepCost, budget: RunBudget | None) -> Cost:
    assert timed.step_seconds is not None
    assert timed.evaluation_seconds is not None
    steps = float(found.steps)
    if budget is not None and budget.unit == "seconds":
        steps = budget.amount / timed.step_seconds
    evaluations = 1 + steps // point.config["evaluate_every"]
    return Cost(
        runs=1,
        steps=steps,
        examples=steps * found.examples,
        flops=None if found.flops is None else steps * found.flops,
        seconds=timed.build_seconds
        + steps * timed.step_seconds
        + evaluations * timed.evaluation_seconds,
    )


def describe_unequal_costs(costs: Mapping[str, Cost]) -> str | None:
    """Returns a sentence if contestants' runs have different FLOPs under the same budget."""
    flops = {label: c.flops / c.runs for label, c in costs.items() if c.flops is not None}
    if len(flops) < 2:
        return None
    least, most = min(flops, key=flops.__getitem__), max(flops, key=flops.__getitem__)
    ratio = flops[most] / flops[least]
    if ratio < UNEQUAL:
        return None
    return (
        f"a run of {most} takes {ratio:.3g} times the FLOPs of one of {least}; "
        f"budget='{flops[least]:.3g} flops' gives all the same"
    )


def sum_costs(costs: Mapping[str, Cost]) -> Cost:
    return sum(costs.values(), start=NOTHING)


def print_costs(costs: Mapping[str, Cost], at_once: int | None) -> None:
    """Prints the cost of each contestant, and the sum with the expected duration."""
    rows = [_row(label, cost) for label, cost in costs.items()]
    print_line("")
    columns = ("contestant", "runs", "steps", "examples", "FLOPs", "seconds of a run")
    print_table(columns, rows, title="cost, at most", numbers=columns[1:])
    print_line(f"in all {format_cost(sum_costs(costs), at_once)}")


def format_cost(cost: Cost, at_once: int | None) -> str:
    """Returns one line, with the expected duration for `at_once` parallel jobs if known."""
    flops = (
        "FLOPs that cannot be counted"
        if cost.flops is None
        else format_amount("flops", cost.flops)
    )
    text = (
        f"{cost.runs} runs, {_whole(cost.steps)} steps, {_whole(cost.examples)} examples, {flops}"
    )
    if cost.seconds is None:
        return text
    if at_once is None:
        return f"{text}; about {format_duration(cost.seconds)} of one such machine"
    jobs = "one run at a time" if at_once == 1 else f"{at_once} runs at once"
    return f"{text}; about {format_duration(cost.seconds / at_once)} with {jobs}"


def _row(label: str, cost: Cost) -> list[str | None]:
    flops = None if cost.flops is None else f"{cost.flops:.3g}"
    each = None if cost.seconds is None else f"{cost.seconds / cost.runs:.3g}"
    return [label, str(cost.runs), _whole(cost.steps), _whole(cost.examples), flops, each]


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{round(value):,}"


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
