"""Folders of sweeps that never ran: a plan, and the run.json that each job would have written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from genrun.sweeps.plan import Job, SweepPlan, compute_identity, make_job_names

CHOICES = {"model": "vae", "backbone": "mlp", "data": "digits", "optimizer": "adam"}
MONITOR = "negative_elbo"

Outcome = float | str | None  # the best value, a status without one, or no folder at all


def make_sweep(
    folder: Path,
    swept: Mapping[str, Sequence[str]],
    outcome: Callable[..., Outcome],
    monitor: Callable[..., str] = lambda **_: MONITOR,
) -> Path:
    """Writes a sweep over `swept` with the results `outcome(**words)`; dots in keys become `_`."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = make_jobs(
        [dict(zip(swept, values, strict=True)) for values in product(*swept.values())]
    )
    SweepPlan([f"{key}={','.join(values)}" for key, values in swept.items()], jobs).write(folder)
    for job in jobs:
        words = {w.partition("=")[0].replace(".", "_"): w.partition("=")[2] for w in job.overrides}
        result = outcome(**words)
        if result is not None:
            write_run(folder / job.name, run_json(job, result, monitor(**words)))
    return folder


def make_jobs(points: Sequence[Mapping[str, str]]) -> list[Job]:
    overrides, configs = {}, {}
    for point in points:
        config = {"plugins": [], **point, "seed": int(point.get("seed", "0"))}
        identity = compute_identity(config)
        overrides[identity] = [f"{key}={value}" for key, value in point.items()]
        configs[identity] = config
    names = make_job_names(overrides)
    return [
        Job(names[i], i, words, CHOICES | _chosen(words), configs[i])
        for i, words in overrides.items()
    ]


def _chosen(words: Sequence[str]) -> dict[str, str]:
    pairs = (word.split("=", 1) for word in words)
    return {key: value for key, value in pairs if key in CHOICES}


def run_json(job: Job, outcome: float | str, monitor: str = MONITOR) -> dict[str, Any]:
    status = outcome if isinstance(outcome, str) else "finished"
    content = {
        "status": status,
        "reason": {"finished": "all 100 steps done", "running": ""}.get(status, f"it {status}"),
        "choices": job.choices,
        "overrides": job.overrides,
        "seed": job.config["seed"],
        "steps": 100,
        "monitor": monitor,
        "environment": {"device": "cpu", "threads": 1},
        "data": {"name": "digits", "digest": "0" * 64, "shape": [1, 28, 28]},
        "parameters": {"vae": 10},
        "resumed": [],
    }
    if status == "running":
        return content
    seconds = {"training": 2.5, "evaluation": 1.0, "saving": 0.5}
    ended = {"step": 100, "compute": {"steps": 100, "examples": 12800, "seconds": seconds}}
    best = {"step": 90, "value": outcome if status == "finished" else 1.0}
    return {**content, **ended, "best": best}


def write_run(folder: Path, content: Mapping[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text("seed: 0\n")
    (folder / "run.json").write_text(json.dumps(content))
