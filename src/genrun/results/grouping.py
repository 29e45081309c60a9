"""Runs arranged to be compared: workloads, contestants in them, configurations, repeats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from genrun.core.errors import ConfigError
from genrun.core.log_names import is_uncertainty
from genrun.results.differences import differing_settings, group_of, values_of
from genrun.results.record import RunRecord

TASK = ("model", "backbone", "data", "metric", "features")  # groups that say what is to be learned
DATA = ("data", "metric", "features")  # those of them that nobody contests to win
HOW = ("data.batch_size",)  # of these groups, and yet of how it is learned
MEASURE = ("metric", "features", "monitor", "evaluate_every")  # how, not what: no contestants
EVERYTHING = "all runs"  # the only contestant, where nothing tells any apart


@dataclass(frozen=True)
class Configuration:
    """Runs that differ in their seed only."""

    label: str
    settings: Mapping[str, str]  # in which it differs from others of its contestant
    runs: list[RunRecord]

    def by_seed(self) -> dict[int, RunRecord]:
        """Those that ended, as they count; of two with one seed the first."""
        found: dict[int, RunRecord] = {}
        for run in self.runs:
            if run.counts or run.failed:
                found.setdefault(run.seed, run)
        return found


@dataclass(frozen=True)
class Workload:
    """What is to be learned, and the metric by which all contestants are judged there."""

    label: str
    metric: str
    contestants: dict[str, list[Configuration]]  # by label, in the order in which they came

    @property
    def records(self) -> list[RunRecord]:
        return [run for own in self.contestants.values() for one in own for run in one.runs]


@dataclass(frozen=True)
class GroupedRuns:
    """All runs, each in one place."""

    by: tuple[str, ...]  # the settings that tell contestants apart
    workloads: list[Workload]
    notes: list[str]  # what was left out, and what a reader must know

    @property
    def contestants(self) -> list[str]:
        """In the order in which they came."""
        return list(dict.fromkeys(name for w in self.workloads for name in w.contestants))


def group_runs(
    records: Sequence[RunRecord], by: Sequence[str] = (), metric: str | None = None
) -> GroupedRuns:
    """Groups runs by what differs.

    `by` names settings or groups that tell contestants apart (`optimizer`, `optimizer.lr`); what
    else differs within one are configurations of it, of which the best stands for it. Without
    `by` each configuration is a contestant. Model, backbone and data make the workload, unless
    they are what is contested. `metric` replaces what each run was judged by.

    Raises `ConfigError` where no run differs in what `by` names, or none measured the metric.
    """
    notes: list[str] = []
    kept = _first_of_each(records, notes)
    differing = differing_settings(kept)
    chosen = _contested(by, differing)
    task = [key for key in differing if _is_task(key) and not _names(chosen, key)]
    grouped: dict[tuple[str, str], list[RunRecord]] = defaultdict(list)
    for run in kept:
        judged = metric or run.monitor or _monitor_of_likes(run, kept)
        if judged is None:
            notes.append(f"{run.name}: never said what judges it; left out")
            continue
        grouped[(_label(task, run), judged)].append(run)
    if metric is not None:
        _refuse_unmeasured(metric, kept)
    workloads = [
        Workload(_label_of(label, runs), judged, _contestants(runs, chosen, task, differing))
        for (label, judged), runs in grouped.items()
    ]
    return GroupedRuns(tuple(chosen), workloads, notes)


def _contested(by: Sequence[str], differing: Sequence[str]) -> list[str]:
    """The settings that tell contestants apart."""
    if by:
        for name in by:
            if not any(_names([name], key) for key in differing):
                listed = ", ".join(differing) or "nothing but seeds"
                raise ConfigError(f"by={name}: the runs do not differ in it; they do in {listed}")
        return list(by)
    free = [key for key in differing if not _is_task(key) and group_of(key) not in MEASURE]
    return free or [key for key in differing if group_of(key) not in (*DATA, *MEASURE)]


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
    """Of one contestant; they are told apart by what differs among its own runs."""
    telling = [key for key in rest if values_of(key, runs) > 1]
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
    """Of runs with the same settings and seed one: the first that came to an end of its own."""
    order = sorted(records, key=lambda run: (not run.counts, not run.failed))
    kept: dict[tuple[object, ...], RunRecord] = {}
    for run in order:
        identity = (tuple(sorted(run.settings.items())), run.seed, run.data, run.stage)
        if identity in kept:
            notes.append(f"{run.name}: repeats {kept[identity].name}; left out")
        else:
            kept[identity] = run
    chosen = set(map(id, kept.values()))
    return [run for run in records if id(run) in chosen]


def _refuse_unmeasured(metric: str, records: Sequence[RunRecord]) -> None:
    names = dict.fromkeys(name for run in records for name in [*run.curve.names, *run.test])
    if metric not in names:
        known = ", ".join(name for name in names if not is_uncertainty(name, names)) or "none"
        raise ConfigError(f"metric={metric}: no run measured it; measured are {known}")


def _monitor_of_likes(run: RunRecord, records: Sequence[RunRecord]) -> str | None:
    """What judges others of its model, for one that failed before it could say."""
    model = run.choices.get("model")
    likes = (other for other in records if other.choices.get("model") == model)
    return next((other.monitor for other in likes if other.monitor), None)


def _label_of(label: str, runs: Sequence[RunRecord]) -> str:
    """What the workload is called where nothing of it differs: by what all of its runs share."""
    if label:
        return label
    shared = [
        f"{group}={runs[0].choices[group]}"
        for group in ("model", "data")
        if group in runs[0].choices and len({run.choices.get(group) for run in runs}) == 1
    ]
    return " ".join(shared)


def _is_task(key: str) -> bool:
    return group_of(key) in TASK and key not in HOW


def _names(chosen: Sequence[str], key: str) -> bool:
    """Whether a setting is one of those chosen, or of a group that is."""
    return any(key == name or key.startswith(f"{name}.") for name in chosen)
