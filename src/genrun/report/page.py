"""From runs and their verdict to everything that the page's templates show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from genrun.comparison.verdict import Verdict
from genrun.report.charts.chart import Figure
from genrun.report.charts.svg import drawing
from genrun.report.contestants import PageWorkload, scenes_of
from genrun.report.headings import (
    about,
    damaged,
    headline_first,
    not_drawn,
    sentences,
    title,
    under,
)
from genrun.report.run_info import infos_of
from genrun.report.sections.compute import ledger_of
from genrun.report.sections.configurations import configurations_of, failures_of
from genrun.report.sections.curves import curves_of
from genrun.report.sections.pareto_front import front_of
from genrun.report.sections.profiles import profiles_of
from genrun.report.sections.ranking import ranking_of
from genrun.report.sections.reproduction import repeat_of
from genrun.report.sections.samples import BUDGET, Samples, samples_of
from genrun.report.sections.swept_settings import swept_of
from genrun.report.sections.tuning import tuning_of
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


def page_of(records: Sequence[RunRecord], verdict: Verdict) -> dict[str, Any]:
    """For `page.html`. `records` are those that the verdict is of."""
    scenes = scenes_of(group_runs(records, verdict.by, verdict.asked.metric), verdict)
    infos = infos_of(records)
    drawn = scenes[:MOST_WORKLOADS]
    several = len(scenes) > 1
    names = {name for w in verdict.workloads for one in w.standings for name in one.name.split()}
    names |= {w.metric for w in verdict.workloads}
    sentence, ledger = ledger_of(records, infos, scenes)
    parts: dict[str, Any] = {
        "curves": _laid_out([curves_of(scene) for scene in drawn], drawn, several),
        "swept": [one for s in drawn for one in _laid_out(swept_of(s), [s], several)],
        "profiles": _laid_out(profiles_of(verdict), [], False),
        "tuning": [one for s in drawn for one in _laid_out(tuning_of(s), [s], several)],
        "samples": _samples(drawn[:MOST_WITH_SAMPLES], several),
    }
    return {
        **parts,
        "title": title(verdict, scenes),
        "about": about(records, verdict),
        "sections": [
            (key, name) for key, name in SECTIONS.items() if key in ALWAYS or parts.get(key)
        ],
        "sentences": sentences(headline_first(verdict), names),
        "warnings": sentences([*verdict.warnings, *damaged(verdict)], names),
        "notes": sentences(
            [*verdict.notes, *not_drawn(scenes, MOST_WORKLOADS, MOST_WITH_SAMPLES)], names
        ),
        "rankings": [ranking_of(scene, verdict.asked.budget) for scene in scenes],
        "configurations": [configurations_of(scene, several) for scene in scenes],
        "failures": failures_of(scenes),
        "compute": {"sentence": sentence, **_table(ledger)},
        "fronts": _laid_out([front_of(scene) for scene in drawn], drawn, several),
        "repeat": repeat_of(records, infos, verdict),
        "footer": f"Made by genrun {version('genrun')}. This file needs nothing beside it.",
    }


def _table(table: Any) -> dict[str, Any]:
    return {name: getattr(table, name) for name in ("columns", "rows", "total", "note")}


def _laid_out(
    figures: Sequence[Figure | None], scenes: Sequence[PageWorkload], several: bool
) -> list[Drawn]:
    found = []
    for index, figure in enumerate(figures):
        if figure is None or not figure.charts:
            continue
        scene = scenes[min(index, len(scenes) - 1)] if scenes and several else None
        found.append(
            Drawn(
                key=figure.key,
                title=figure.title if scene is None else under(scene.workload.label, figure.title),
                caption=figure.caption,
                drawings=[(chart.label, drawing(chart)) for chart in figure.charts],
                columns=figure.columns,
                rows=figure.rows,
            )
        )
    return found


def _samples(scenes: Sequence[PageWorkload], several: bool) -> list[dict[str, Any]]:
    budget = BUDGET // max(1, len(scenes))
    found = [(scene, samples_of(scene, budget)) for scene in scenes]
    return [_gallery(scene, one, several) for scene, one in found if one is not None]


def _gallery(scene: PageWorkload, samples: Samples, several: bool) -> dict[str, Any]:
    note = "The first seed's run of each configuration; at each stage its last picture until then."
    if samples.left_out:
        note += f" {samples.left_out} other configurations are left out: shown are those by which "
        note += "contestants are judged, then from the best to the worst."
    return {
        "key": samples.key,
        "title": scene.workload.label if several else "",
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
