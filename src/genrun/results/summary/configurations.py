"""Jobs grouped by what they are repeats of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genrun.core.formatting import format_setting
from genrun.core.numbers import finite_number
from genrun.core.usage import sum_usage
from genrun.results.summary.job_result import Result, shown_spent
from genrun.statistics.student_t import SampleSummary, summarize_sample
from genrun.sweeps.plan import find_differing_overrides

SEED = "seed"
WITHOUT_WORDS = ("model", "optimizer")  # the choices that name a sweep over nothing but seeds


@dataclass(frozen=True)
class Configuration:
    """Jobs that differ in their seed only."""

    identity: str
    label: str
    words: dict[str, str]  # what was swept: keys and values as they were given
    monitor: str | None  # lower is better; None where no job has said yet what judges it
    results: list[Result]
    spread: SampleSummary | None = field(init=False)  # None where no job has a value

    def __post_init__(self) -> None:
        values = list(self.values.values())
        object.__setattr__(self, "spread", summarize_sample(values) if values else None)

    @property
    def values(self) -> dict[int, float]:
        """By seed."""
        return {r.seed: r.value for r in self.results if r.value is not None}

    @property
    def failures(self) -> list[Result]:
        return [result for result in self.results if result.failed]

    @property
    def pruned(self) -> int:
        return sum(result.pruned for result in self.results)

    @property
    def left(self) -> int:
        return sum(result.left for result in self.results)

    def row(self) -> dict[str, Any]:
        """The configuration in summary.json."""
        found = self.spread
        return {
            "label": self.label,
            "identity": self.identity,
            "words": self.words,
            "monitor": self.monitor,
            "mean": found and finite_number(found.mean),
            "deviation": found and finite_number(found.deviation),
            "low": found and finite_number(found.low),
            "high": found and finite_number(found.high),
            "values": [{"seed": seed, "best": value} for seed, value in self.values.items()],
            "jobs": len(self.results),
            "failed": len(self.failures),
            "pruned": self.pruned,
            "left": self.left,
            **spent(self.results),
            "failures": [
                {"job": r.job.name, "status": r.status, "reason": r.reason} for r in self.failures
            ],
        }


def configurations_of(results: Sequence[Result]) -> list[Configuration]:
    """By the judged metric, then lowest mean first; those without a value last."""
    words = {
        identity: {key: value for key, value in differing.items() if key != SEED}
        for identity, differing in find_differing_overrides(
            {r.job.identity: r.job.overrides for r in results}
        )
    }
    groups: dict[tuple[str, str | None], list[Result]] = {}
    for result in _with_monitors(results):
        groups.setdefault((result.job.configuration, result.monitor), []).append(result)
    found = [
        Configuration(
            identity,
            _label(words[group[0].job.identity], group[0]),
            words[group[0].job.identity],
            monitor,
            group,
        )
        for (identity, monitor), group in groups.items()
    ]
    labels = Counter(configuration.label for configuration in found)
    found = [
        c if labels[c.label] == 1 else replace(c, label=f"{c.label} ({c.identity[:8]})")
        for c in found
    ]
    order = list(dict.fromkeys(c.monitor for c in found if c.monitor is not None))

    def rank(one: Configuration) -> tuple[int, bool, float]:
        place = len(order) if one.monitor is None else order.index(one.monitor)
        return place, one.spread is None, one.spread.mean if one.spread else 0.0

    return sorted(found, key=rank)


def by_monitor(configurations: Iterable[Configuration]) -> dict[str | None, list[Configuration]]:
    """Values of different metrics are not to be compared: a table and a picture each."""
    tables: dict[str | None, list[Configuration]] = {}
    for configuration in configurations:
        tables.setdefault(configuration.monitor, []).append(configuration)
    return tables


def spent(results: Iterable[Result]) -> dict[str, Any]:
    """What jobs took: failed, pruned and unfinished ones among them."""
    return shown_spent(sum_usage(result.spent for result in results))


def _label(words: dict[str, str], result: Result) -> str:
    """As one would type it, but for digits of sampled numbers that nobody reads."""
    choices = result.job.choices
    named = words or {group: choices[group] for group in WITHOUT_WORDS if group in choices}
    return (
        " ".join(f"{key}={format_setting(value)}" for key, value in named.items()) or "every job"
    )


def _with_monitors(results: Sequence[Result]) -> list[Result]:
    """A job that never got to say what judges it is judged as others of its model are."""
    known: dict[str, str] = {}
    for result in results:
        if result.monitor is not None:
            known.setdefault(result.job.choices.get("model", ""), result.monitor)
    return [
        replace(r, monitor=r.monitor or known.get(r.job.choices.get("model", ""))) for r in results
    ]
