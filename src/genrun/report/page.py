"""Builds all that the page's templates show from runs and their verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from genrun.comparison.verdict import Verdict
from genrun.report.charts.chart import Figure
from genrun.report.charts.svg import lay_out
from genrun.report.contestants import PageWorkload, build_page_workloads
from genrun.report.headings import (
    capitalize_sentences,
    describe_damaged,
    describe_omissions,
    describe_runs,
    order_sentences,
    page_title,
    prefix_title,
)
from genrun.report.run_info import read_run_infos
from genrun.report.sections.compute import build_compute_section
from genrun.report.sections.configurations import build_configuration_table, build_failure_table
from genrun.report.sections.curves import build_curve_figure
from genrun.report.sections.pareto_front import build_front_figure
from genrun.report.sections.profiles import build_profile_figures
from genrun.report.sections.ranking import build_ranking
from genrun.report.sections.reproduction import describe_reproduction
from genrun.report.sections.samples import PAGE_BYTES, select_samples
from genrun.report.sections.swept_settings import build_swept_figures
from genrun.report.sections.tuning import build_tuning_figures
from genrun.results.grouping import group_runs
from genrun.results.record import RunRecord

MOST_WORKLOADS = 8  # that are drawn; tables have all
MOST_WITH_SAMPLES = 4
SECTIONS = {  # by the anchor in the page
    "verdict": "Verdict",
    "curves": "Curves",
    "swept": "Swept values",
    "profiles": "Profiles",
    "tuning": "Tuning",
    "samples": "Samples",
    "configurations": "Configurations",
    "compute": "Compute",
    "reproduction": "Reproduction",
}
ALWAYS = ("verdict", "configurations", "compute", "reproduction")


@dataclass(frozen=True)
class FigureLayout:
    """A figure with its charts laid out."""

    key: str
    title: str
    caption: str
    drawings: list[tuple[str, dict[str, Any]]]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def build_page(records: Sequence[RunRecord], verdict: Verdict) -> dict[str, Any]:
    """Returns the variables of `page.html`; `records` are the runs that the verdict is of."""
    grouped = group_runs(records, verdict.by, verdict.asked.metric)
    workloads = build_page_workloads(grouped, verdict)
    infos = read_run_infos(records)
    figures = _figure_sections(workloads, verdict)
    samples = [select_samples(w, PAGE_BYTES // min(len(workloads), MOST_WITH_SAMPLES))
               for w in workloads[:MOST_WITH_SAMPLES]]  # fmt: skip
    parts = {**figures, "samples": [gallery for gallery in samples if gallery is not None]}
    names = {name for w in verdict.workloads for one in w.standings for name in one.name.split()}
    names |= {w.metric for w in verdict.workloads}
    omissions = describe_omissions(workloads, MOST_WORKLOADS, MOST_WITH_SAMPLES)
    several = len(workloads) > 1
    return {
        **parts,
        "several": several,
        "title": page_title(verdict, workloads),
        "about": describe_runs(records, verdict),
        "sections": [
            (key, name) for key, name in SECTIONS.items() if key in ALWAYS or parts.get(key)
        ],
        "sentences": capitalize_sentences(order_sentences(verdict), names),
        "warnings": capitalize_sentences([*verdict.warnings, *describe_damaged(verdict)], names),
        "notes": capitalize_sentences([*verdict.notes, *omissions], names),
        "rankings": [build_ranking(workload, verdict.asked.budget) for workload in workloads],
        "configurations": [build_configuration_table(workload, several) for workload in workloads],
        "failures": build_failure_table(workloads),
        "compute": build_compute_section(records, infos, workloads),
        "reproduction": describe_reproduction(records, infos, verdict),
        "footer": f"Made by genrun {version('genrun')}. This file needs no other file.",
    }


def _figure_sections(
    workloads: Sequence[PageWorkload], verdict: Verdict
) -> dict[str, list[FigureLayout]]:
    """Laid-out figures by section, those of several workloads titled with the workload."""
    sections: dict[str, list[FigureLayout]] = {
        "curves": [],
        "swept": [],
        "tuning": [],
        "fronts": [],
    }
    for workload in workloads[:MOST_WORKLOADS]:
        prefix = workload.label if len(workloads) > 1 else ""
        for section, figures in (
            ("curves", [build_curve_figure(workload)]),
            ("swept", build_swept_figures(workload)),
            ("tuning", build_tuning_figures(workload)),
            ("fronts", [build_front_figure(workload)]),
        ):
            sections[section] += [_lay_out(one, prefix) for one in figures if one and one.charts]
    sections["profiles"] = [_lay_out(figure, "") for figure in build_profile_figures(verdict)]
    return sections


def _lay_out(figure: Figure, prefix: str) -> FigureLayout:
    return FigureLayout(
        key=figure.key,
        title=prefix_title(prefix, figure.title) if prefix else figure.title,
        caption=figure.caption,
        drawings=[(chart.label, lay_out(chart)) for chart in figure.charts],
        columns=figure.columns,
        rows=figure.rows,
    )
