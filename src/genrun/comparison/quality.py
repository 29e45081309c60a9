"""Quality at equal budget and at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from genrun.comparison.contestants import Contestant, filled, value_of
from genrun.comparison.options import CompareOptions, Split
from genrun.comparison.verdict import Quality, Threshold
from genrun.core.errors import ConfigError
from genrun.results.curve import AXES, Axis
from genrun.statistics.means import iqm_interval, mean_interval

SEED = 0  # of the bootstrap: the same runs give the same verdict


def budget_of(
    contenders: Sequence[Contestant], metric: str, asked: CompareOptions
) -> Threshold | None:
    """What all contestants can be given: the least that one typically spent.

    None where no run has ended. Raises `ConfigError` where a contestant's runs do not say what
    they spent on that axis, or one had measured nothing yet: that is no failure of it.
    """
    axis = asked.budget
    unknown = [one.name for one in contenders if any(map(math.isnan, totals_of(one, axis)))]
    if unknown:
        raise ConfigError(f"budget={axis}: the runs of {', '.join(unknown)} do not say")
    if asked.at is not None:
        for run in (run for one in contenders for run in one.sound):
            if math.isinf(value_of(run, metric, "held_out", axis, asked.at)):
                raise ConfigError(
                    f"at={asked.at:g}: {run.name} had not measured {metric} within so few {axis}"
                )
        return Threshold(asked.at, f"at={asked.at:g} {axis}, as given")
    totals = {one.name: typical(one, axis) for one in contenders if one.sound}
    if not totals:
        return None
    least = min(totals, key=lambda name: totals[name])
    rule = "what each contestant's runs spent"
    if max(totals.values()) > totals[least]:
        rule = f"the median of what {least}'s runs spent, the least of all contestants"
    return Threshold(totals[least], rule)


def totals_of(contender: Contestant, axis: Axis) -> list[float]:
    """What its sound runs had spent at their last evaluation; NaN where one does not say."""
    return [run.curve.total(axis) for run in contender.sound]


def typical(contender: Contestant, axis: Axis) -> float:
    """The median of those that say; NaN where none does."""
    known = [total for total in totals_of(contender, axis) if not math.isnan(total)]
    return float(np.median(known)) if known else math.nan


def spent_by(contender: Contestant) -> dict[Axis, float]:
    return {axis: typical(contender, axis) for axis in AXES}


def quality_at(
    contender: Contestant,
    metric: str,
    budget: Threshold,
    worst: float | None,
    asked: CompareOptions,
) -> Quality | None:
    """On held-out images."""
    values = {
        seed: value_of(run, metric, "held_out", asked.budget, budget.value)
        for seed, run in contender.runs.items()
    }
    return quality_from(values, worst, asked.resamples)


def quality_at_end(
    contender: Contestant, metric: str, split: Split, worst: float | None, resamples: int
) -> Quality | None:
    values = {seed: value_of(run, metric, split) for seed, run in contender.runs.items()}
    return quality_from(values, worst, resamples)


def quality_from(
    values: Mapping[int, float], worst: float | None, resamples: int
) -> Quality | None:
    """None without values."""
    if not values:
        return None
    numbers = list(filled(values, worst).values())
    return Quality(
        values=values,
        mean=mean_interval(numbers),
        interquartile_mean=iqm_interval([numbers], resamples, SEED),
        failed=sum(map(math.isinf, values.values())),
    )
