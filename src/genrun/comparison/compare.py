"""From the records of runs to a verdict, and to its JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genrun.comparison.aggregate import aggregate_workloads
from genrun.comparison.entries import enter_contestants
from genrun.comparison.naming import find_label
from genrun.comparison.notes import collect_notes, merge_by_workload
from genrun.comparison.options import CompareOptions
from genrun.comparison.sentences import describe_pairs, describe_workload
from genrun.comparison.verdict import Verdict
from genrun.comparison.warnings import collect_warnings
from genrun.comparison.workload import compare_workload
from genrun.core.errors import ConfigError
from genrun.core.numbers import to_plain
from genrun.results.grouping import GroupedRuns, group_runs
from genrun.results.proof_file import find_contested_setting
from genrun.results.record import RunRecord

FORMAT = 1  # of verdict.json


def compare_runs(
    records: Sequence[RunRecord], options: CompareOptions, damaged: Mapping[str, str] | None = None
) -> Verdict:
    """Compares contestants, which by default differ in every setting that differs between runs.

    `damaged` has the reasons by folder that could not be read. Raises `ConfigError` if an option
    does not apply to the runs.
    """
    grouped = group_runs(records, options.by or find_contested_setting(records), options.metric)
    baseline = None
    if options.baseline is not None:
        baseline = find_label("baseline", options.baseline, grouped.contestants)
    if options.target is not None:
        _check_one_metric(grouped)
    entries = enter_contestants(grouped)
    verdicts = [compare_workload(entry, options, baseline) for entry in entries]
    return Verdict(
        asked=options,
        by=grouped.by,
        sentences=[
            f"{verdict.label}: {text}" if len(verdicts) > 1 else text
            for verdict in verdicts
            for text in describe_workload(verdict)
        ],
        workloads=verdicts,
        aggregate=aggregate_workloads(entries, verdicts, options),
        warnings=merge_by_workload({entry.label: collect_warnings(entry) for entry in entries}),
        notes=[*grouped.notes, *collect_notes(entries, verdicts, options)],
        damaged=dict(damaged or {}),
    )


def to_json(verdict: Verdict) -> dict[str, Any]:
    """The content of verdict.json: dataclasses as objects, null for NaN and infinity."""
    content: dict[str, Any] = to_plain(verdict)
    for workload, plain in zip(verdict.workloads, content["workloads"], strict=True):
        for pair, sentence in zip(plain["pairs"], describe_pairs(workload), strict=True):
            pair["sentence"] = sentence
    return {"format": FORMAT, **content}


def _check_one_metric(grouped: GroupedRuns) -> None:
    """Raises `ConfigError` if a target would be compared with several metrics."""
    metrics = dict.fromkeys(workload.metric for workload in grouped.workloads)
    if len(metrics) > 1:
        raise ConfigError(
            f"target: the runs are judged by several metrics ({', '.join(metrics)}); give "
            "metric=NAME, or baseline=NAME in place of a target"
        )
