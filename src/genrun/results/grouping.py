"""Runs grouped into workloads, contestants, configurations and seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from genrun.core.errors import ConfigError
from genrun.core.log_names import is_uncertainty
from genrun.results.differences import config_group, count_values, differing_settings
from genrun.results.record import RunRecord
from genrun.statistics.student_t import SampleSummary, summarize_sample

TASK = ("model", "backbone", "data", "metric", "features")  # groups that say what is to be learned
DATA = ("data", "metric", "features")  # of these, the ones that are never compared
HOW = ("data.batch_size",)  # of these groups, and yet of how it is learned
MEASURE = ("metric", "features", "monitor", "evaluate_every")  # how, not what: no contestants
EVERYTHING = "all runs"  # the only contestant, if no setting differs


@dataclass(frozen=True)
class Configuration:
    """Runs that differ only in their seeds."""

    label: str
    settings: Mapping[str, str]  # in which it differs from other configurations
    runs: list[RunRecord]

    @property
    def monitor(self) -> str | None:
        return self.runs[0].monitor

    @property
    def values(self) -> dict[int, float]:
        """The final values of its runs that count, by seed."""
        return {run.seed: run.value for run in self.runs if run.value is not None}

    @cached_property
    def spread(self) -> SampleSummary | None:
        """The mean of its values with its interval; None without values."""
        values = list(self.values.values())
        return summarize_sample(values) if values else None

    @property
    def failures(self) -> list[RunRecord]:
        return [run for run in self.runs if run.is_failure]

    @property
    def pruned(self) -> int:
        """The number of pruned runs."""
        return sum(run.pruned for run in self.runs)

    @property
    def left(self) -> int:
        """The number of runs that have not begun or not ended."""
        return sum(run.left for run in self.runs)

    def by_seed(self) -> dict[int, RunRecord]:
        """Its runs that ended; the first of those with the same seed."""
        found: dict[int, RunRecord] = {}
        for run in self.runs:
            if run.counts or run.failed:
                found.setdefault(run.seed, run)
        return found


@dataclass(frozen=True)
class Workload:
    """One learning task, and the metric that ranks all contestants on it."""

    label: str
    metric: str
    contestants: dict[str, list[Configuration]]  # by label, in the order in which they came

    @property
    def records(self) -> list[RunRecord]:
        return [run for own in self.contestants.values() for one in own for run in one.runs]

    @cached_property
    def worst_value(self) -> float | None:
        """The highest value that any run ever had; None if no run has a finite one."""
        values = [run.curve.worst(self.metric) for run in self.records]
        values += [run.test[self.metric] for run in self.records if self.metric in run.test]
        return max(filter(math.isfinite, values), default=None)


def fill_failures(values: Mapping[int, float], worst: float | None) -> dict[int, float]:
    """Replaces infinite values, which are failures, by the worst value, if there is one."""
    return {
        seed: worst if worst is not None and math.isinf(value) else value
        for seed, value in values.items()
    }


@dataclass(frozen=True)
class GroupedRuns:
    """All runs, each in one workload and configuration."""

    by: tuple[str, ...]  # the settings that tell contestants apart
    workloads: list[Workload]
    notes: list[str]  # what was left out, and what a reader must know

    @property
    def contestants(self) -> list[str]:
        """In the order in which they were read."""
        return list(dict.fromkeys(name for w in self.workloads for name in w.contestants))


def group_runs(
    records: Sequence[RunRecord], by: Sequence[str] = (), metric: str | None = None
) -> GroupedRuns:
    """Groups runs by what differs.

    `by` names settings or groups that tell contestants apart (`optimizer`, `optimizer.lr`); what
    else differs within one are configurations of it, of which the best stands for it. Without
    `by` each configuration is a contestant. Model, backbone and data make the workload, unless
    they are what is contested. `metric` replaces what each run was judged by.

    Raises `ConfigError` if no run differs in what `by` names, or none measured the metric.
    """
    notes: list[str] = []
    unique = _first_of_each(records, notes)
    differing = differing_settings(unique)
    chosen = _contested(by, differing)
    task = [key for key in differing if _is_task(key) and not _names(chosen, key)]
    grouped: dict[tuple[str, str], list[RunRecord]] = defaultdict(list)
    for run in unique:
        judged = metric or run.monitor or _find_monitor(run, unique)
        if judged is None:
            notes.append(f"{run.name}: has no monitor in run.json; left out")
            continue
        grouped[(_label(task, run), judged)].append(run)
    if metric is not None:
        _check_measured(metric, unique)
    workloads = [
        Workload(_name_workload(label, runs), judged, _contestants(runs, chosen, task, differing))
        for (label, judged), runs in grouped.items()
    ]
    return GroupedRuns(tuple(chosen), workloads, notes)


def _contested(by: Sequence[str], differing: Sequence[str]) -> list[str]:
    """Returns the settings that distinguish contestants."""
    if by:
        for name in by:
            if not any(_names([name], key) for key in differing):
                listed = ", ".join(differing) or "nothing but seeds"
                raise ConfigError(f"by={name}: the runs do not differ in it; they do in {listed}")
        return list(by)
    free = [key for key in differing if not _is_task(key) and config_group(key) not in MEASURE]
    return free or [key for key in differing if config_group(key) not in (*DATA, *MEASURE)]


def _contestants(
    runs: Sequence[RunRecord],
    chosen: Sequence[str],
    task: Sequence[str],
    differing: Sequence[str],
) -> dict[str, list[Configuration]]:
    own = [key for key in differing if _names(chosen, key)]
    named = [key for key in own if key in chosen] or own
    groups: dict[str, list[RunRecord]] = defaultdict(list)
    for run in runs:
        groups[_label(named, run) or EVERYTHING].append(run)
    rest = [key for key in differing if key not in named and key not in task]
    return {name: _configurations(name, own, rest) for name, own in groups.items()}


def _configurations(
    contestant: str, runs: Sequence[RunRecord], rest: Sequence[str]
) -> list[Configuration]:
    """Groups the runs of one contestant by the settings that differ among them."""
    telling = [key for key in rest if count_values(key, runs) > 1]
    groups: dict[tuple[str | None, ...], list[RunRecord]] = defaultdict(list)
    for run in runs:
        groups[tuple(run.settings.get(key) for key in telling)].append(run)
    return [
        Configuration(
            " ".join(filter(None, [contestant, _label(telling, same[0])])),
            {key: same[0].settings[key] for key in telling if key in same[0].settings},
            same,
        )
        for same in groups.values()
    ]


def _label(keys: Iterable[str], run: RunRecord) -> str:
    return " ".join(f"{key}={run.settings[key]}" for key in keys if key in run.settings)


def _first_of_each(records: Sequence[RunRecord], notes: list[str]) -> list[RunRecord]:
    """Keeps one of several runs with the same settings and seed: the first that succeeded."""
    order = sorted(records, key=lambda run: (not run.counts, not run.failed))
    unique: dict[tuple[object, ...], RunRecord] = {}
    for run in order:
        identity = (tuple(sorted(run.settings.items())), run.seed, run.data, run.stage)
        if identity in unique:
            notes.append(f"{run.name}: repeats {unique[identity].name}; left out")
        else:
            unique[identity] = run
    chosen = set(map(id, unique.values()))
    return [run for run in records if id(run) in chosen]


def _check_measured(metric: str, records: Sequence[RunRecord]) -> None:
    names = dict.fromkeys(name for run in records for name in [*run.curve.names, *run.test])
    if metric not in names:
        known = ", ".join(name for name in names if not is_uncertainty(name, names)) or "none"
        raise ConfigError(f"metric={metric}: no run measured it; measured are {known}")


def _find_monitor(run: RunRecord, records: Sequence[RunRecord]) -> str | None:
    """Returns the monitor of other runs of its model, for a run that failed before it had one."""
    model = run.choices.get("model")
    likes = (other for other in records if other.choices.get("model") == model)
    return next((other.monitor for other in likes if other.monitor), None)


def _name_workload(label: str, runs: Sequence[RunRecord]) -> str:
    """Returns the name of a workload if nothing differs: by the settings that all runs share."""
    if label:
        return label
    shared = [
        f"{group}={runs[0].choices[group]}"
        for group in ("model", "data")
        if group in runs[0].choices and len({run.choices.get(group) for run in runs}) == 1
    ]
    return " ".join(shared)


def _is_task(key: str) -> bool:
    return config_group(key) in TASK and key not in HOW


def _names(chosen: Sequence[str], key: str) -> bool:
    """Whether a setting is one of those chosen, or of a group that is."""
    return any(key == name or key.startswith(f"{name}.") for name in chosen)
