"""The runs of a sweep, grouped into configurations that differ only in their seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from genrun.core.formatting import format_setting
from genrun.results.grouping import Configuration
from genrun.results.record import RunRecord
from genrun.sweeps.plan import Job, find_differing_overrides

SEED = "seed"
NAMING_GROUPS = ("model", "optimizer")  # their choices name a sweep over nothing but seeds


def group_jobs(records: Sequence[RunRecord]) -> list[Configuration]:
    """Groups jobs by configuration and monitor; `settings` are the swept words.

    In the order of the monitors, then lowest mean first; those without a value are last.
    """
    jobs = [job_of(record) for record in records]
    words = {
        identity: {key: value for key, value in differing.items() if key != SEED}
        for identity, differing in find_differing_overrides(
            {job.identity: job.overrides for job in jobs}
        )
    }
    groups: dict[tuple[str, str | None], list[RunRecord]] = {}
    for record in _with_monitors(records):
        key = (job_of(record).configuration, record.monitor)
        groups.setdefault(key, []).append(record)
    found = []
    for runs in groups.values():
        swept = words[job_of(runs[0]).identity]
        found.append(Configuration(_label(swept, runs[0]), swept, runs))
    labels = Counter(configuration.label for configuration in found)
    found = [
        c if labels[c.label] == 1 else replace(c, label=f"{c.label} ({identity_of(c)[:8]})")
        for c in found
    ]
    monitors = list(dict.fromkeys(c.monitor for c in found if c.monitor is not None))

    def rank(one: Configuration) -> tuple[int, bool, float]:
        place = len(monitors) if one.monitor is None else monitors.index(one.monitor)
        return place, one.spread is None, one.spread.mean if one.spread else 0.0

    return sorted(found, key=rank)


def job_of(record: RunRecord) -> Job:
    """The job of a run that was read from a sweep's plan."""
    assert record.job is not None
    return record.job


def identity_of(configuration: Configuration) -> str:
    """The digest of a sweep's configuration without its seed."""
    return job_of(configuration.runs[0]).configuration


def group_by_monitor(
    configurations: Iterable[Configuration],
) -> dict[str | None, list[Configuration]]:
    """Groups configurations that can be compared: those with the same monitor."""
    tables: dict[str | None, list[Configuration]] = {}
    for configuration in configurations:
        tables.setdefault(configuration.monitor, []).append(configuration)
    return tables


def _label(words: dict[str, str], record: RunRecord) -> str:
    """Returns the settings as typed on a command line, sampled numbers shortened."""
    choices = record.choices
    named = words or {group: choices[group] for group in NAMING_GROUPS if group in choices}
    return (
        " ".join(f"{key}={format_setting(value)}" for key, value in named.items()) or "every job"
    )


def _with_monitors(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Assigns to a job that failed before it had a monitor that of other jobs of its model."""
    known: dict[str, str] = {}
    for record in records:
        if record.monitor is not None:
            known.setdefault(record.choices.get("model", ""), record.monitor)
    return [
        replace(record, monitor=known.get(record.choices.get("model", "")))
        if record.monitor is None
        else record
        for record in records
    ]
