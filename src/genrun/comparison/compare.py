"""From the records of runs to a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from genrun.comparison.aggregate import aggregate_of
from genrun.comparison.entries import enter_contestants
from genrun.comparison.naming import find_label
from genrun.comparison.notes import notes_of, once
from genrun.comparison.options import CompareOptions
from genrun.comparison.sentences import sentences_of
from genrun.comparison.verdict import Verdict
from genrun.comparison.warnings import warnings_of
from genrun.comparison.workload import compare_workload
from genrun.core.errors import ConfigError
from genrun.results.grouping import GroupedRuns, group_runs
from genrun.results.proof_file import contested
from genrun.results.record import RunRecord


def compare_runs(
    records: Sequence[RunRecord], asked: CompareOptions, damaged: Mapping[str, str] | None = None
) -> Verdict:
    """Compares what differs between the runs. `damaged` is kept beside it.

    Raises `ConfigError` where what was asked does not suit the runs.
    """
    arrangement = group_runs(records, asked.by or contested(records), asked.metric)
    baseline = None
    if asked.baseline is not None:
        baseline = find_label("baseline", asked.baseline, arrangement.contestants)
    if asked.target is not None:
        _refuse_one_target(arrangement)
    entries = enter_contestants(arrangement)
    verdicts = [compare_workload(entry, asked, baseline) for entry in entries]
    return Verdict(
        asked=asked,
        by=arrangement.by,
        sentences=[
            f"{verdict.label}: {text}" if len(verdicts) > 1 else text
            for verdict in verdicts
            for text in sentences_of(verdict)
        ],
        workloads=verdicts,
        aggregate=aggregate_of(entries, verdicts, asked),
        warnings=once({entry.label: warnings_of(entry) for entry in entries}),
        notes=[*arrangement.notes, *notes_of(entries, verdicts, asked)],
        damaged=dict(damaged or {}),
    )


def _refuse_one_target(arrangement: GroupedRuns) -> None:
    """One number is a target of one metric."""
    metrics = dict.fromkeys(workload.metric for workload in arrangement.workloads)
    if len(metrics) > 1:
        raise ConfigError(
            f"target: the runs are judged by several metrics ({', '.join(metrics)}); give "
            "metric=NAME, or baseline=NAME in place of a target"
        )
