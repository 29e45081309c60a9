"""Run folders without training: a configuration, a run.json and logs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from genrun.core.types import StepReport
from genrun.replay.run_log import ReplayLog

CHOICES = {"model": "vae", "data": "digits", "optimizer": "adam"}
EXAMPLES, SECONDS, FLOPS = 10, 0.5, 100  # per step


def make_log(values: Mapping[int, float | None], name: str = "m") -> ReplayLog:
    """Returns a log with a row at each step; a value of None is no evaluation."""
    rows = [
        StepReport(
            step, step * EXAMPLES, step * SECONDS, {} if value is None else {name: value},
            {"net/loss": 1.0}, step * FLOPS,
        )
        for step, value in values.items()
    ]  # fmt: skip
    return ReplayLog(rows, FLOPS)


def make_run(folder: Path, values: Mapping[int, float], seed: int = 0, **changed: Any) -> Path:
    """Writes a run that measured `m` at these steps; `changed` replaces parts of run.json."""
    entries = {"status": "finished", "reason": "", "monitor": "m", "choices": CHOICES, **changed}
    folder.mkdir(parents=True)
    info = {
        "overrides": [], "seed": seed, "steps": max(values), "resumed": [],
        "environment": {"device": "cpu", "threads": 1}, "parameters": {"net": 1},
        "data": {"name": "digits", "digest": "d", "shape": [1, 2, 2]}, "flops_a_step": FLOPS,
        **entries,
    }  # fmt: skip
    config = {"seed": seed, "steps": max(values), "evaluate_every": 10}
    write_lines(folder / "metrics.jsonl", [row(step, value) for step, value in values.items()])
    write_lines(
        folder / "timings.jsonl",
        [{"step": step, "training": step * SECONDS, "evaluation": 9.0} for step in values],
    )
    (folder / "run.json").write_text(json.dumps(info))
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def row(step: int, value: float) -> dict[str, float]:
    return {"step": step, "examples": step * EXAMPLES, "net/loss": 1.0, "held_out/m": value}


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
