"""What a sweep found, written beside its plan: summary.json, .csv, .png and .svg."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genrun.core.errors import GenrunError, OutputFailed
from genrun.results.summary.chart import Panel, panels_of, short
from genrun.results.summary.configurations import Configuration, by_monitor, configurations_of
from genrun.results.summary.job_result import Result, result_of
from genrun.results.summary.summary__sweeps_summary_files import csv_bytes, json_bytes
from genrun.results.summary.tables import print_tables
from genrun.runs.files import write_whole
from genrun.sweeps.job_state import JobState
from genrun.terminal.tables import print_line

NAME = "summary"
CONTEXT = ("model", "backbone", "data", "optimizer")
LONGEST_TITLE, LONGEST_SUBTITLE = 70, 110


@dataclass(frozen=True)
class Summary:
    """Every job, and every configuration with the spread of its seeds."""

    folder: Path
    results: list[Result]
    configurations: list[Configuration]
    unwritten: GenrunError | None  # why the files are not, or not all, beside the plan

    @property
    def picture(self) -> Path | None:
        path = self.folder / f"{NAME}.png"
        return path if path.is_file() else None


def summarize(folder: Path, rows: Sequence[JobState]) -> Summary:
    """Groups the jobs, given in the order of the plan, and writes the files that changed."""
    results = [result_of(row) for row in rows]
    configurations = configurations_of(results)
    unwritten = None
    try:
        _write(folder, results, configurations)
    except OutputFailed as error:  # what was found is shown all the same
        unwritten = error
    return Summary(folder, results, configurations, unwritten)


def show_summary(summary: Summary) -> None:
    """Where a sweep ends. Raises `OutputFailed` at last where the files could not be written."""
    print_tables(summary.configurations, summary.results)
    if summary.picture is not None:
        print_line(f"picture: {os.path.relpath(summary.picture)}")
    if summary.unwritten is not None:
        raise summary.unwritten


def _write(
    folder: Path, results: Sequence[Result], configurations: Sequence[Configuration]
) -> None:
    """Nothing where summary.json, the last to be written, says already what it would say."""
    paths = {kind: folder / f"{NAME}.{kind}" for kind in ("json", "csv", "png", "svg")}
    content = json_bytes(results, configurations)
    if _holds(paths["json"], content) and all(path.is_file() for path in paths.values()):
        return
    write_whole(paths["csv"], csv_bytes(configurations))
    for kind, picture in _pictures(results, configurations).items():
        write_whole(paths[kind], picture)
    write_whole(paths["json"], content)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def _pictures(
    results: Sequence[Result], configurations: Sequence[Configuration]
) -> dict[str, bytes]:
    """As `png` and `svg`; none where there is no value yet."""
    judged = by_monitor(c for c in configurations if c.monitor is not None)
    panels = [
        panel
        for metric, group in judged.items()
        if any(c.spread for c in group)
        for panel in panels_of(group, str(metric))
    ]
    if not panels:
        return {}
    from genrun.results.summary.plot import draw

    try:
        return draw(panels, _title(panels), _subtitle(results, configurations))
    except Exception as error:  # a picture is no reason to lose the rest
        print_line(f"the picture could not be drawn: {type(error).__name__}: {error}")
        return {}


def _title(panels: Sequence[Panel]) -> str:
    metrics = " and ".join(dict.fromkeys(panel.metric for panel in panels))
    keys = ", ".join(dict.fromkeys(panel.key for panel in panels))
    return short(f"{metrics} by {keys}", LONGEST_TITLE)


def _subtitle(results: Sequence[Result], configurations: Sequence[Configuration]) -> str:
    """What all jobs share, and what the marks are."""
    shared = []
    for group in CONTEXT:
        choices = {result.job.choices.get(group) for result in results}
        if len(choices) == 1 and None not in choices:
            shared.append(f"{group}={choices.pop()}")
    most = max(len(configuration.values) for configuration in configurations)
    marks = "one seed each"
    if most > 1:
        marks = f"small dots: {most} seeds; marks: their mean, with its 95 % interval"
    if left := sum(result.left for result in results):
        marks += f"; {left} of {len(results)} jobs have not ended"
    return f"{short(' '.join(shared), LONGEST_SUBTITLE)}\n{marks}"
