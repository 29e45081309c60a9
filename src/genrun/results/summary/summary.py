"""The summary of a sweep, written into its folder: summary.json, .csv, .png and .svg."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrun.core.errors import GenrunError, OutputFailed, SweepFailed, SweepPaused
from genrun.core.formatting import printable, shorten
from genrun.core.numbers import finite_number, parse_number
from genrun.core.status import RunStatus
from genrun.core.usage import ResourceUsage, sum_usage
from genrun.results.grouping import Configuration
from genrun.results.record import RunRecord, read_job_records
from genrun.results.summary.chart import SweepPanel, build_panels
from genrun.results.summary.configurations import (
    group_by_monitor,
    group_jobs,
    identity_of,
    job_of,
)
from genrun.results.summary.tables import print_tables
from genrun.runs import layout
from genrun.runs.files import write_atomic
from genrun.sweeps.plan import Job, SweepPlan
from genrun.terminal.tables import print_line

# What a spreadsheet takes for a formula at the start of a cell (OWASP, CSV injection), and the
# full-width forms that some read alike.
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
AFTER_WORDS = (
    "monitor", "mean", "deviation", "low", "high", "seeds", "jobs", "failed", "pruned",
    "left", "steps", "examples", "flops", "seconds", "evaluation_seconds", "saving_seconds",
    "peak_memory_bytes", "device_peak_memory_bytes", "energy_joules", "failures",
)  # fmt: skip
CONTEXT = ("model", "backbone", "data", "optimizer")
LONGEST_TITLE, LONGEST_SUBTITLE = 70, 110


@dataclass(frozen=True)
class Summary:
    """Every job, and every configuration with the spread of its seeds."""

    folder: Path
    records: list[RunRecord]
    configurations: list[Configuration]
    unwritten: GenrunError | None  # why the files are not, or not all, beside the plan

    @property
    def picture(self) -> Path | None:
        path = self.folder / f"{layout.SUMMARY}.png"
        return path if path.is_file() else None


@dataclass(frozen=True)
class SweepOutcome:
    """The outcome of a sweep: its summary, and how many of its jobs or trials did not finish."""

    summary: Summary
    plan: SweepPlan
    failed: int
    missing: int

    def check(self) -> None:
        """Raises `SweepPaused` if jobs are left, else `SweepFailed` if some failed."""
        search, folder = self.plan.search, self.summary.folder
        total = f"{search['trials']} trials" if search else f"{len(self.plan.jobs)} jobs"
        if self.missing:
            raise SweepPaused(f"{self.missing} of {total} are left: genrun resume {folder}")
        if self.failed:
            raise SweepFailed(f"{self.failed} of {total} failed; {folder} has the others")


def summarize_sweep(folder: Path, plan: SweepPlan) -> SweepOutcome:
    """Writes the summary of a sweep as it is now."""
    summary = summarize(folder, plan.jobs)
    if plan.search is not None:
        from genrun.sweeps.search.status import search_status

        status = search_status(folder, plan)
        return SweepOutcome(
            summary, plan, status.failed, 0 if status.running_elsewhere else status.left
        )
    statuses = [record.status for record in summary.records]
    failed = sum(status.failed for status in statuses)
    missing = sum(not status.ended and status != RunStatus.FAILED for status in statuses)
    return SweepOutcome(summary, plan, failed, missing)


def show_outcome(outcome: SweepOutcome) -> None:
    """Prints the result of a sweep. Raises `OutputFailed` if its files were not written."""
    try:
        show_summary(outcome.summary)
    finally:
        if outcome.plan.search is not None:
            from genrun.results.summary.search import search_facts

            for name, fact in search_facts(outcome.summary.folder, outcome.plan).items():
                print_line(f"{name}: {fact}")


def summarize(folder: Path, jobs: Sequence[Job]) -> Summary:
    """Groups the jobs of a plan, and writes the files that changed."""
    records = read_job_records(folder, jobs)
    configurations = group_jobs(records)
    unwritten = None
    try:
        _write(folder, records, configurations)
    except OutputFailed as error:  # what was found is shown all the same
        unwritten = error
    return Summary(folder, records, configurations, unwritten)


def show_summary(summary: Summary) -> None:
    """Prints the tables. Raises `OutputFailed` at the end if the files could not be written."""
    print_tables(summary.configurations, summary.records)
    if summary.picture is not None:
        print_line(f"picture: {os.path.relpath(summary.picture)}")
    if summary.unwritten is not None:
        raise summary.unwritten


def _write(
    folder: Path, records: Sequence[RunRecord], configurations: Sequence[Configuration]
) -> None:
    """Writes nothing if summary.json, which is written last, has the same content already."""
    paths = {kind: folder / f"{layout.SUMMARY}.{kind}" for kind in ("json", "csv", "png", "svg")}
    content = json_bytes(records, configurations)
    if _holds(paths["json"], content) and all(path.is_file() for path in paths.values()):
        return
    write_atomic(paths["csv"], csv_bytes(configurations))
    for kind, picture in _pictures(records, configurations).items():
        write_atomic(paths[kind], picture)
    write_atomic(paths["json"], content)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def json_bytes(records: Sequence[RunRecord], configurations: Sequence[Configuration]) -> bytes:
    """Jobs in the order of the plan, configurations in that of the table."""
    content = {
        "jobs": [_job_row(record) for record in records],
        "configurations": [_configuration_row(one) for one in configurations],
        "spent": _usage_row(sum_usage(record.usage for record in records)),
    }
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def _job_row(record: RunRecord) -> dict[str, Any]:
    job = job_of(record)
    return {
        "name": job.name,
        "identity": job.identity,
        "configuration": job.configuration,
        "seed": record.seed,
        "status": record.status,
        "reason": record.explanation,
        "monitor": record.monitor,
        "best": record.best,
        "best_step": record.best_step,
        **_usage_row(record.usage),
        "folder": record.folder.name,
    }


def _configuration_row(configuration: Configuration) -> dict[str, Any]:
    found, runs = configuration.spread, configuration.runs
    return {
        "label": configuration.label,
        "identity": identity_of(configuration),
        "words": configuration.settings,
        "monitor": configuration.monitor,
        "mean": found and finite_number(found.mean),
        "deviation": found and finite_number(found.deviation),
        "low": found and finite_number(found.low),
        "high": found and finite_number(found.high),
        "values": [{"seed": seed, "best": value} for seed, value in configuration.values.items()],
        "jobs": len(runs),
        "failed": len(configuration.failures),
        "pruned": configuration.pruned,
        "left": configuration.left,
        **_usage_row(sum_usage(run.usage for run in runs)),
        "failures": [
            {"job": run.name, "status": run.status, "reason": run.explanation}
            for run in configuration.failures
        ],
    }


def _usage_row(usage: ResourceUsage) -> dict[str, Any]:
    """Resource usage with the keys of summary.json; `seconds` and `flops` are of training."""
    seconds = {phase: round(value, 3) for phase, value in usage.seconds.items()}
    return {
        "steps": usage.steps,
        "examples": usage.examples,
        "flops": usage.flops,
        "seconds": seconds.get("training"),
        "evaluation_seconds": seconds.get("evaluation"),
        "saving_seconds": seconds.get("saving"),
        "peak_memory_bytes": usage.host_bytes,
        "device_peak_memory_bytes": usage.device_bytes,
        "energy_joules": usage.joules,
    }


def csv_bytes(configurations: Sequence[Configuration]) -> bytes:
    """Returns a row for each configuration, with a column for each swept key, in UTF-8."""
    keys = list(dict.fromkeys(key for c in configurations for key in c.settings))
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow([cell(name) for name in ("configuration", *keys, *AFTER_WORDS)])
    for configuration in configurations:
        row = _configuration_row(configuration)
        row["seeds"] = len(configuration.values)
        row["failures"] = "; ".join(f"{f['job']}: {f['reason']}" for f in row["failures"])
        words = [configuration.settings.get(key) for key in keys]
        cells = [configuration.label, *words, *(row[name] for name in AFTER_WORDS)]
        writer.writerow([cell(value) for value in cells])
    return text.getvalue().encode()


def cell(value: Any) -> Any:
    """Returns numbers unchanged, and text on one line that no spreadsheet reads as a formula."""
    if value is None or isinstance(value, int | float):
        return value
    number = parse_number(str(value))
    if number is not None:
        return number
    text = printable(str(value))
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def _pictures(
    records: Sequence[RunRecord], configurations: Sequence[Configuration]
) -> dict[str, bytes]:
    """Returns the chart as `png` and `svg`; nothing if there is no value yet."""
    judged = group_by_monitor(c for c in configurations if c.monitor is not None)
    panels = [
        panel
        for metric, group in judged.items()
        if any(c.spread for c in group)
        for panel in build_panels(group, str(metric))
    ]
    if not panels:
        return {}
    from genrun.results.summary.plot import draw

    try:
        return draw(panels, _title(panels), _subtitle(records, configurations))
    except Exception as error:  # a picture is no reason to lose the rest
        print_line(f"the picture could not be drawn: {type(error).__name__}: {error}")
        return {}


def _title(panels: Sequence[SweepPanel]) -> str:
    metrics = " and ".join(dict.fromkeys(panel.metric for panel in panels))
    keys = ", ".join(dict.fromkeys(panel.key for panel in panels))
    return shorten(f"{metrics} by {keys}", LONGEST_TITLE)


def _subtitle(records: Sequence[RunRecord], configurations: Sequence[Configuration]) -> str:
    """Returns the settings that all jobs share, and the meaning of the marks."""
    shared = []
    for group in CONTEXT:
        choices = {record.choices.get(group) for record in records}
        if len(choices) == 1 and None not in choices:
            shared.append(f"{group}={choices.pop()}")
    most = max(len(configuration.values) for configuration in configurations)
    marks = "one seed each"
    if most > 1:
        marks = f"small dots: {most} seeds; marks: their mean, with its 95 % interval"
    if left := sum(record.left for record in records):
        marks += f"; {left} of {len(records)} jobs have not ended"
    return f"{shorten(' '.join(shared), LONGEST_SUBTITLE)}\n{marks}"
