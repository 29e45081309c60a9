"""Quality at equal budget and at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from genrun.comparison.contestants import Contestant
from genrun.comparison.options import CompareOptions
from genrun.comparison.verdict import Quality, Threshold
from genrun.core.errors import ConfigError
from genrun.results.curve import AXES, Axis, Split
from genrun.results.grouping import fill_failures
from genrun.statistics.means import iqm_interval, mean_interval

SEED = 0  # of the bootstrap, so that the same runs give the same verdict


def choose_budget(
    contestants: Sequence[Contestant], metric: str, options: CompareOptions
) -> Threshold | None:
    """Returns the budget that all contestants reach: the smallest median total of one.

    None if no run has ended. Raises `ConfigError` if the cost of a run is not known on that axis,
    or if a run had measured nothing within the given budget.
    """
    axis = options.budget
    unknown = [one.name for one in contestants if any(map(math.isnan, training_totals(one, axis)))]
    if unknown:
        raise ConfigError(f"budget={axis}: the runs of {', '.join(unknown)} do not say")
    if options.at is not None:
        for run in (run for one in contestants for run in one.sound):
            if math.isinf(run.quality(metric, "held_out", axis, options.at)):
                raise ConfigError(
                    f"at={options.at:g}: {run.name} had not measured {metric} within so few {axis}"
                )
        return Threshold(options.at, f"at={options.at:g} {axis}, as given")
    totals = {one.name: median_total(one, axis) for one in contestants if one.sound}
    if not totals:
        return None
    least = min(totals, key=lambda name: totals[name])
    rule = "what each contestant's runs spent"
    if max(totals.values()) > totals[least]:
        rule = f"the median of what {least}'s runs spent, the least of all contestants"
    return Threshold(totals[least], rule)


def training_totals(contestant: Contestant, axis: Axis) -> list[float]:
    """The cost of each run that counts, up to its last evaluation; NaN if not known."""
    return [run.curve.total(axis) for run in contestant.sound]


def median_total(contestant: Contestant, axis: Axis) -> float:
    """The median of the known totals; NaN if none is known."""
    known = [total for total in training_totals(contestant, axis) if not math.isnan(total)]
    return float(np.median(known)) if known else math.nan


def median_totals(contestant: Contestant) -> dict[Axis, float]:
    return {axis: median_total(contestant, axis) for axis in AXES}


def quality_at(
    contestant: Contestant,
    metric: str,
    budget: Threshold,
    worst: float | None,
    options: CompareOptions,
) -> Quality | None:
    """The quality on held-out images within a budget; None without runs."""
    values = {
        seed: run.quality(metric, "held_out", options.budget, budget.value)
        for seed, run in contestant.runs.items()
    }
    return summarize_quality(values, worst, options.resamples)


def quality_at_end(
    contestant: Contestant, metric: str, split: Split, worst: float | None, resamples: int
) -> Quality | None:
    values = {seed: run.quality(metric, split) for seed, run in contestant.runs.items()}
    return summarize_quality(values, worst, resamples)


def summarize_quality(
    values: Mapping[int, float], worst: float | None, resamples: int
) -> Quality | None:
    """None without values."""
    if not values:
        return None
    numbers = list(fill_failures(values, worst).values())
    return Quality(
        values=values,
        mean=mean_interval(numbers),
        interquartile_mean=iqm_interval([numbers], resamples, SEED),
        failed=sum(map(math.isinf, values.values())),
    )
