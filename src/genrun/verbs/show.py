"""`genrun show`: what a run was, or a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genrun.core.shown import shown_updates
from genrun.runs.folder import RunFolder
from genrun.terminal.tables import print_facts, print_table
from genrun.verbs.words import run_and_settings, settings_among

PLAN = "plan.json"  # in a sweep's folder
USAGE = (
    "genrun show RUN\n  What the run is, how it ended, and its last and best values.\n"
    "genrun show SWEEP\n"
    "  What the sweep is, how far it is, a table of its configurations, what failed and why.\n"
    "  Brings its summary.json, .csv, .png and .svg up to date."
)


def run(words: Sequence[str]) -> int:
    """What a run is, how it ended, and its first, last and lowest values; or a sweep's summary."""
    folder, settings = run_and_settings(USAGE, words)
    settings_among("show", settings, {})
    if (Path(folder) / PLAN).is_file():
        from genrun.sweeps.show import show_sweep

        show_sweep(Path(folder))
        return 0
    run_folder = RunFolder.open(folder)
    info, rows = run_folder.read(), run_folder.rows()
    print_facts(_facts(run_folder, info, rows))
    names = dict.fromkeys(name for row in rows for name in row if name not in ("step", "examples"))
    table = []
    for name in names:
        values = [(row[name], row["step"]) for row in rows if name in row]
        judged = name == f"held_out/{info['monitor']}"
        best = min(values) if judged else (None, None)
        table.append((name, values[0][0], values[-1][0], *best))
    print_table(("value", "first", "last", "best", "at step"), table)
    if events := run_folder.health():
        columns = ("step", "health", "state", "detail")
        print_table(columns, [[event[column] for column in columns] for event in events])
    return 0


def _facts(folder: RunFolder, info: Mapping[str, Any], rows: Sequence[Any]) -> dict[str, Any]:
    timings, environment = folder.timings(), info["environment"]
    choices = [f"{group}={name}" for group, name in info["choices"].items() if name]
    return {
        "run": folder.path,
        "status": f"{info['status']}: {info['reason']}" if info["reason"] else info["status"],
        "choices": " ".join(choices),
        "overrides": " ".join(info["overrides"]) or None,
        "steps": f"{rows[-1]['step'] if rows else 0} of {info['steps']}",
        "training": f"{timings['training']:.1f} s" if timings else None,
        "device": f"{environment['device']}, {environment['threads']} threads",
        "data": f"{info['data']['name']} {info['data']['digest'][:12]}",
        "parameters": ", ".join(f"{k} {v:,}" for k, v in info["parameters"].items()),
        "updates": shown_updates(info.get("updates", {})) or None,
        "resumed": ", ".join(f"at step {r['step']}" for r in info["resumed"]) or None,
    }
