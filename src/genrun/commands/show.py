"""`genrun show`: what a run was, or a sweep."""

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
    "  What the sweep is, how far it is, a table of its configurations, what failed and why.\n"
    "  Brings its summary.json, .csv, .png and .svg up to date.\n"
    "genrun show PROOF\n  How far the proof is, what it has cost, and what it found."
)


def run(words: Sequence[str]) -> int:
    """What a run is, how it ended, and its first, last and lowest values; or a sweep's summary."""
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
    run_folder.timings()  # damaged ones are said, whether or not they are needed
    print_fields(_facts(run_folder, info, rows))
    names = dict.fromkeys(name for row in rows for name in row if name not in ("step", "examples"))
    table = []
    for name in (name for name in names if not is_uncertainty(name, names)):
        having = [row for row in rows if name in row]
        shown = [format_log_row(having[place])[name] for place in (0, -1)]
        if name == f"held_out/{info['monitor']}":
            best = min(having, key=lambda row: row[name])
            table.append((name, *shown, format_log_row(best)[name], best["step"]))
        else:
            table.append((name, *shown, None, None))
    print_table(("value", "first", "last", "best", "at step"), table)
    if events := run_folder.health():
        columns = ("step", "health", "state", "detail")
        print_table(columns, [[event[column] for column in columns] for event in events])
    return 0


def _facts(folder: RunFolder, info: Mapping[str, Any], rows: Sequence[Any]) -> dict[str, Any]:
    environment = info["environment"]
    choices = [f"{group}={name}" for group, name in info["choices"].items() if name]
    return {
        "run": folder.path,
        "status": _status(folder, info),
        "choices": " ".join(choices),
        "overrides": " ".join(info["overrides"]) or None,
        "steps": f"{rows[-1]['step'] if rows else 0} of {info['steps']}",
        **_spent(read_usage(folder, info)),
        "device": f"{environment['device']}, {environment['threads']} threads",
        "data": _data(info["data"]),
        "model": _model(info),
        "metrics": describe_sample_metrics(info["comparison"]) if "comparison" in info else None,
        "parameters": ", ".join(f"{k} {v:,}" for k, v in info["parameters"].items()),
        "updates": describe_updates(info.get("updates", {})) or None,
        "resumed": ", ".join(f"at step {r['step']}" for r in info["resumed"]) or None,
    }


def _status(folder: RunFolder, info: Mapping[str, Any]) -> str:
    if info["status"] != RunStatus.RUNNING:
        return f"{info['status']}: {info['reason']}" if info["reason"] else str(info["status"])
    who = describe_writer(folder.path)
    return (
        f"killed; resume with: genrun resume {folder.path}" if who is None else f"running: {who}"
    )


def _data(data: Mapping[str, Any]) -> str:
    classes = data.get("classes")  # which runs of earlier versions do not say
    return f"{data['name']} {data['digest'][:12]}" + (f", {classes} classes" if classes else "")


def _model(info: Mapping[str, Any]) -> str:
    bounds = info.get("data_range")  # which runs of earlier versions do not say
    seen = f"sees data in {bounds}, " if bounds else ""
    return f"{seen}judged by {info['monitor']}, lower is better"


def _spent(spent: ResourceUsage) -> dict[str, str | None]:
    """A dash for what is not known, as on this machine or of runs of earlier versions."""
    seconds = {phase: format_duration(value) for phase, value in spent.seconds.items()}
    host, device, joules = spent.host_bytes, spent.device_bytes, spent.joules
    peaks = [] if host is None else [f"{format_bytes(host)} at most"]
    peaks += [] if device is None else [f"{format_bytes(device)} on the GPU"]
    return {
        **{phase: seconds.get(phase) for phase in PHASES},
        "compute": None
        if spent.flops is None
        else f"{format_amount('flops', spent.flops)} of training",
        "memory": ", ".join(peaks) or None,
        "energy": None
        if joules is None
        else f"{format_energy(joules)}, with all else that ran on this machine",
    }
