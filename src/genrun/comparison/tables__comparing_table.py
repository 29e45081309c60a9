"""A verdict on the terminal: sentences first, then tables, then what to beware of."""

from __future__ import annotations

from genrun.comparison.tables import (
    AXIS_NAMES,
    Table,
    overall_table,
    pair_table,
    profile_table,
    quality_table,
    time_table,
    tuning_table,
)
from genrun.comparison.verdict import Quality, Standing, Verdict, WorkloadVerdict
from genrun.results.summary.job_result import brief
from genrun.terminal.tables import print_line
from genrun.terminal.tables__terminal_wide import print_paragraph, print_wide_table

MOST_SENTENCES = 30
MOST_ROWS = 30
MORE = "and {} more; out=FILE.json has all"


def print_verdict(verdict: Verdict) -> None:
    """All of it. What is not shown for its length is counted."""
    for text in verdict.sentences[:MOST_SENTENCES]:
        print_paragraph(text)
    _print_more(len(verdict.sentences) - MOST_SENTENCES)
    for workload in verdict.workloads:
        _print_workload(workload, verdict)
    if verdict.aggregate is not None:
        _print_table(overall_table(verdict.aggregate))
        _print_table(profile_table(verdict.aggregate, verdict.asked.budget))
    damaged = [
        f"damaged, so not counted: {place}: {why}" for place, why in verdict.damaged.items()
    ]
    for texts, mark in (([*verdict.warnings, *damaged], "warning"), (verdict.notes, "note")):
        if texts:
            print_line("")
        for text in texts[:MOST_SENTENCES]:
            print_paragraph(f"{mark}: {text}")
        _print_more(len(texts) - MOST_SENTENCES)


def _print_workload(workload: WorkloadVerdict, verdict: Verdict) -> None:
    before = f"{workload.label}: " if len(verdict.workloads) > 1 else ""
    judged = [one for one in workload.standings if one.at_end is not None]
    axis, budget = verdict.asked.budget, workload.budget
    bounded = {one.label: one.at_budget for one in judged if one.at_budget is not None}
    ended = {one.label: one.at_end for one in judged if one.at_end is not None}
    title = f"{before}{workload.metric} on {_images(workload)}, lower is better"
    if budget is not None and bounded:
        at = f"at {budget.value:,.6g} {AXIS_NAMES[axis]}: {budget.rule}"
        _print_table(quality_table(judged, bounded, f"{title}; {at}"))
    if bounded and all(_same(bounded.get(label), ended[label]) for label in ended):
        print_line("at the end of the runs: the same")
    else:
        _print_table(quality_table(judged, ended, f"{title}; at the end of the runs"))
    for one in judged[:MOST_ROWS]:
        if one.configurations > 1:
            _print_choice(one)
    _print_table(pair_table(workload.pairs, before))
    if workload.target is not None:
        _print_table(time_table(judged, workload, workload.target, before))
    if any(len(one.tuning.trials) > 1 for one in judged):
        _print_table(tuning_table(judged, axis, before))


def _print_choice(standing: Standing) -> None:
    settings = " ".join(f"{key}={brief(value)}" for key, value in standing.settings.items())
    print_paragraph(
        f"{standing.name}: the best of {standing.configurations} configurations, {settings}"
    )


def _print_table(table: Table) -> None:
    if table.rows:
        print_line("")
        print_paragraph(table.title)
        print_wide_table(table.columns, table.rows[:MOST_ROWS])
        _print_more(len(table.rows) - MOST_ROWS)


def _print_more(number: int) -> None:
    if number > 0:
        print_line(MORE.format(number))


def _images(workload: WorkloadVerdict) -> str:
    return "test images" if workload.split == "test" else "held-out images"


def _same(one: Quality | None, other: Quality) -> bool:
    return one is not None and one.values == other.values
