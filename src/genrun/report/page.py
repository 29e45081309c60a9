"""From runs and their verdict to everything that the page's templates show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from genrun.comparison.verdict import Verdict
from genrun.report.charts.chart import Figure
from genrun.report.charts.svg import lay_out
from genrun.report.contestants import PageWorkload, build_page_workloads
from genrun.report.headings import (
    about,
    damaged,
    headline_first,
    not_drawn,
    sentences,
    title,
    under,
)
from genrun.report.run_info import read_run_infos
from genrun.report.sections.compute import build_compute_table
from genrun.report.sections.configurations import build_configuration_table, build_failure_table
from genrun.report.sections.curves import build_curve_figure
from genrun.report.sections.pareto_front import build_front_figure
from genrun.report.sections.profiles import build_profile_figures
from genrun.report.sections.ranking import build_ranking
from genrun.report.sections.reproduction import describe_reproduction
from genrun.report.sections.samples import BUDGET, SampleGallery, select_samples
from genrun.report.sections.swept_settings import build_swept_figures
from genrun.report.sections.tuning import build_tuning_figures
from genrun.results.grouping import group_runs
from genrun.results.record import RunRecord

MOST_WORKLOADS = 8  # that are drawn; tables have all
MOST_WITH_SAMPLES = 4
SECTIONS = {
    "verdict": "Verdict",
    "curves": "Curves",
    "swept": "Swept values",
    "profiles": "Profiles",
    "tuning": "Tuning",
    "samples": "Samples",
    "configurations": "Configurations",
    "compute": "Compute",
    "repeat": "To repeat it",
}
ALWAYS = ("verdict", "configurations", "compute", "repeat")


@dataclass(frozen=True)
class Drawn:
    """A figure with its charts laid out."""

    key: str
    title: str
    caption: str
    drawings: list[tuple[str, dict[str, Any]]]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def build_page(records: Sequence[RunRecord], verdict: Verdict) -> dict[str, Any]:
    """For `page.html`. `records` are those that the verdict is of."""
    workloads = build_page_workloads(
        group_runs(records, verdict.by, verdict.asked.metric), verdict
    )
    infos = read_run_infos(records)
    drawn = workloads[:MOST_WORKLOADS]
    several = len(workloads) > 1
    names = {name for w in verdict.workloads for one in w.standings for name in one.name.split()}
    names |= {w.metric for w in verdict.workloads}
    sentence, ledger = build_compute_table(records, infos, workloads)
    parts: dict[str, Any] = {
        "curves": _laid_out([build_curve_figure(workload) for workload in drawn], drawn, several),
        "swept": [one for s in drawn for one in _laid_out(build_swept_figures(s), [s], several)],
        "profiles": _laid_out(build_profile_figures(verdict), [], False),
        "tuning": [one for s in drawn for one in _laid_out(build_tuning_figures(s), [s], several)],
        "samples": _samples(drawn[:MOST_WITH_SAMPLES], several),
    }
    return {
        **parts,
        "title": title(verdict, workloads),
        "about": about(records, verdict),
        "sections": [
            (key, name) for key, name in SECTIONS.items() if key in ALWAYS or parts.get(key)
        ],
        "sentences": sentences(headline_first(verdict), names),
        "warnings": sentences([*verdict.warnings, *damaged(verdict)], names),
        "notes": sentences(
            [*verdict.notes, *not_drawn(workloads, MOST_WORKLOADS, MOST_WITH_SAMPLES)], names
        ),
        "rankings": [build_ranking(workload, verdict.asked.budget) for workload in workloads],
        "configurations": [build_configuration_table(workload, several) for workload in workloads],
        "failures": build_failure_table(workloads),
        "compute": {"sentence": sentence, **_table(ledger)},
        "fronts": _laid_out([build_front_figure(workload) for workload in drawn], drawn, several),
        "repeat": describe_reproduction(records, infos, verdict),
        "footer": f"Made by genrun {version('genrun')}. This file needs nothing beside it.",
    }


def _table(table: Any) -> dict[str, Any]:
    return {name: getattr(table, name) for name in ("columns", "rows", "total", "note")}


def _laid_out(
    figures: Sequence[Figure | None], workloads: Sequence[PageWorkload], several: bool
) -> list[Drawn]:
    found = []
    for index, figure in enumerate(figures):
        if figure is None or not figure.charts:
            continue
        workload = workloads[min(index, len(workloads) - 1)] if workloads and several else None
        found.append(
            Drawn(
                key=figure.key,
                title=figure.title if workload is None else under(workload.label, figure.title),
                caption=figure.caption,
                drawings=[(chart.label, lay_out(chart)) for chart in figure.charts],
                columns=figure.columns,
                rows=figure.rows,
            )
        )
    return found


def _samples(workloads: Sequence[PageWorkload], several: bool) -> list[dict[str, Any]]:
    budget = BUDGET // max(1, len(workloads))
    found = [(workload, select_samples(workload, budget)) for workload in workloads]
    return [_gallery(workload, one, several) for workload, one in found if one is not None]


def _gallery(workload: PageWorkload, samples: SampleGallery, several: bool) -> dict[str, Any]:
    note = "The first seed's run of each configuration; at each stage its last picture until then."
    if samples.left_out:
        note += f" {samples.left_out} other configurations are left out: shown are those by which "
        note += "contestants are judged, then from the best to the worst."
    return {
        "key": samples.key,
        "title": workload.label if several else "",
        "stages": samples.stages,
        "rows": [
            {"name": row.name, "style": row.style, "seed": row.seed, "shots": list(_shots(row))}
            for row in samples.rows
        ],
        "note": note,
    }


def _shots(row: Any) -> Any:
    """Each picture once, with the first stage at which it is the newest."""
    seen = -math.inf
    for stage, (step, uri) in enumerate(zip(row.steps, row.pictures, strict=True)):
        if step is not None and step != seen:
            seen = step
            yield {"stage": stage, "step": step, "uri": uri}
