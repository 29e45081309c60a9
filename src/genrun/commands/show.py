"""`genrun show`: describes a run, a sweep or a proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genrun.commands.arguments import merge_settings, parse_run_and_settings
from genrun.core.formatting import (
    describe_sample_metrics,
    describe_updates,
    format_amount,
    format_bytes,
    format_duration,
    format_energy,
    format_log_row,
)
from genrun.core.log_names import is_uncertainty
from genrun.core.status import RunStatus
from genrun.core.usage import PHASES, ResourceUsage
from genrun.runs import layout
from genrun.runs.folder import RunFolder
from genrun.runs.lock import describe_writer
from genrun.runs.usage import read_usage
from genrun.terminal.tables import print_fields, print_table

USAGE = (
    "genrun show RUN\n  What the run is, how it ended, and its last and best values.\n"
    "genrun show SWEEP\n"
    "  What the sweep is, its progress, a table of its configurations, what failed and why.\n"
    "  Updates its summary.json, .csv, .png and .svg.\n"
    "genrun show PROOF\n  The progress of the proof, what it has cost, and its results."
)


def run(words: Sequence[str]) -> int:
    """Prints a run's description and its first, last and best values, or a sweep or proof."""
    folder, settings = parse_run_and_settings(USAGE, words)
    merge_settings("show", settings, {})
    if (Path(folder) / layout.PLAN).is_file():
        from genrun.results.summary.show import show_sweep

        show_sweep(Path(folder))
        return 0
    if (Path(folder) / layout.PROOF).is_file():
        from genrun.proof.show import show_proof

        show_proof(Path(folder))
        return 0
    run_folder = RunFolder.open(folder)
    info, rows = run_folder.read(), run_folder.rows()
    run_folder.timings()  # raises if they are damaged, although they are not shown
    print_fields(_describe_run(run_folder, info, rows))
    names = dict.fromkeys(name for row in rows for name in row if name not in ("step", "examples"))
    table = []
    for name in (name for name in names if not is_uncertainty(name, names)):
        measured = [row for row in rows if name in row]
        ends = [format_log_row(measured[index])[name] for index in (0, -1)]
        if name == f"held_out/{info['monitor']}":
            best = min(measured, key=lambda row: row[name])
            table.append((name, *ends, format_log_row(best)[name], best["step"]))
        else:
            table.append((name, *ends, None, None))
    print_table(("value", "first", "last", "best", "at step"), table)
    if events := run_folder.health():
        columns = ("step", "health", "state", "detail")
        print_table(columns, [[event[column] for column in columns] for event in events])
    return 0


def _describe_run(
    folder: RunFolder, info: Mapping[str, Any], rows: Sequence[Any]
) -> dict[str, Any]:
    environment = info["environment"]
    choices = [f"{group}={name}" for group, name in info["choices"].items() if name]
    return {
        "run": folder.path,
        "status": _status(folder, info),
        "choices": " ".join(choices),
        "overrides": " ".join(info["overrides"]) or None,
        "steps": f"{rows[-1]['step'] if rows else 0} of {info['steps']}",
        **_describe_usage(read_usage(folder, info)),
        "device": f"{environment['device']}, {environment['threads']} threads",
        "data": _describe_data(info["data"]),
        "model": _describe_model(info),
        "metrics": describe_sample_metrics(info["comparison"]) if "comparison" in info else None,
        "parameters": ", ".join(f"{k} {v:,}" for k, v in info["parameters"].items()),
        "updates": describe_updates(info.get("updates", {})) or None,
        "resumed": ", ".join(f"at step {r['step']}" for r in info["resumed"]) or None,
    }


def _status(folder: RunFolder, info: Mapping[str, Any]) -> str:
    if info["status"] != RunStatus.RUNNING:
        return f"{info['status']}: {info['reason']}" if info["reason"] else str(info["status"])
    writer = describe_writer(folder.path)
    if writer is None:
        return f"killed; resume with: genrun resume {folder.path}"
    return f"running: {writer}"


def _describe_data(data: Mapping[str, Any]) -> str:
    classes = data.get("classes")
    return f"{data['name']} {data['digest'][:12]}" + (f", {classes} classes" if classes else "")


def _describe_model(info: Mapping[str, Any]) -> str:
    bounds = info.get("data_range")
    data_range = f"sees data in {bounds}, " if bounds else ""
    return f"{data_range}judged by {info['monitor']}, lower is better"


def _describe_usage(usage: ResourceUsage) -> dict[str, str | None]:
    """Returns the resource usage; None for what could not be measured on the machine."""
    seconds = {phase: format_duration(value) for phase, value in usage.seconds.items()}
    host, device, joules = usage.host_bytes, usage.device_bytes, usage.joules
    peaks = [] if host is None else [f"{format_bytes(host)} at most"]
    peaks += [] if device is None else [f"{format_bytes(device)} on the GPU"]
    return {
        **{phase: seconds.get(phase) for phase in PHASES},
        "compute": None
        if usage.flops is None
        else f"{format_amount('flops', usage.flops)} of training",
        "memory": ", ".join(peaks) or None,
        "energy": None
        if joules is None
        else f"{format_energy(joules)}, including all else that ran on this machine",
    }
