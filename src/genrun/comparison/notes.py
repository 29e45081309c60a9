"""Notes of a verdict: the methods behind its numbers, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from genrun.comparison.entries import WorkloadEntry
from genrun.comparison.naming import with_unit
from genrun.comparison.options import CompareOptions
from genrun.comparison.pairwise import MOST_CONTESTANTS
from genrun.comparison.verdict import WorkloadVerdict
from genrun.core.formatting import format_metric

MOST_NAMED = 5
METHODS = {
    "student_t": "Student's t",
    "trimmed_t": "of a trimmed mean (Tukey & McLaughlin)",
    "bootstrap": "stratified bootstrap",
    "satterthwaite_t": "t with Satterthwaite's degrees of freedom",
    "welch_t": "Welch's t",
    "sign": "by sign",
    "permutation": "by permutation",
    "newcombe": "Newcombe's",
    "none": "none",
}


def collect_notes(
    entries: Sequence[WorkloadEntry], verdicts: Sequence[WorkloadVerdict], options: CompareOptions
) -> list[str]:
    """Returns one line for each note."""
    found = merge_by_workload(
        {
            entry.label: list(_of_workload(entry, verdict, options))
            for entry, verdict in zip(entries, verdicts, strict=True)
        }
    )
    found += _methods(verdicts, options)
    if options.target is None and options.baseline is None:
        found.append(
            "time to a target: give target=NUMBER, or baseline=NAME for the median of its best"
        )
    return found


def merge_by_workload(texts: Mapping[str, Sequence[str]]) -> list[str]:
    """Merges texts by workload: one that holds for several is listed once with their labels.

    A text that holds for all workloads has no label.
    """
    labels: dict[str, list[str]] = {}
    for label, own in texts.items():
        for text in own:
            labels.setdefault(text, []).append(label)
    return [
        text if len(named) == len(texts) else f"{', '.join(named)}: {text}"
        for text, named in labels.items()
    ]


def _of_workload(
    entry: WorkloadEntry, verdict: WorkloadVerdict, options: CompareOptions
) -> Iterator[str]:
    left = [name for one in verdict.standings for name in one.left]
    if left:
        yield f"not ended, so not counted: {_named(left)}"
    for one in entry.contestants:
        if dropped := [run.name for run in one.unmeasured]:
            yield f"never measured {entry.metric}, so not counted: {_named(dropped)}"
    if any(one.failures for one in verdict.standings) and verdict.worst is not None:
        worst = with_unit(format_metric(verdict.worst), verdict.metric)
        yield f"in means a failure counts as {worst}, the worst that any run ever had"
    if options.baseline is not None and verdict.target is None:
        yield f"no time to target: {options.baseline} has no runs that have ended"
    number = sum(one.at_end is not None for one in verdict.standings)
    if number > MOST_CONTESTANTS:
        yield f"of {number} contestants the best {MOST_CONTESTANTS} were compared in pairs"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _methods(verdicts: Sequence[WorkloadVerdict], options: CompareOptions) -> Iterator[str]:
    """Names the methods of the intervals."""
    qualities = [
        quality
        for verdict in verdicts
        for one in verdict.standings
        for quality in (one.at_budget, one.at_end)
        if quality is not None
    ]
    pairs = [pair for verdict in verdicts for pair in verdict.pairs]
    kinds = {
        "means": {one.mean.method for one in qualities},
        "interquartile means": {one.interquartile_mean.method for one in qualities},
        "differences": {pair.difference.method for pair in pairs},
        "probabilities of improvement": {pair.improvement.method for pair in pairs},
    }
    texts = []
    for what, methods in kinds.items():
        named = [METHODS.get(method, method) for method in sorted(methods - {"none"})]
        if named:
            texts.append(f"of {what} {' and '.join(named)}")
    if texts:
        resamples = ""
        if any("bootstrap" in methods for methods in kinds.values()):
            resamples = f" ({options.resamples:,} resamples)"
        yield f"95 % intervals: {'; '.join(texts)}{resamples}"
