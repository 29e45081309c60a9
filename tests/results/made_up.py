"""Run folders without training, with the files that genrun writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from genrun.results.record import RunRecord, read_record
from genrun.results.settings import read_settings
from genrun.sweeps.plan import Job, SweepPlan, compute_identity

EVERY = 10  # steps between evaluations
BATCH = 8
PLANNED = 100  # planned steps of every run
METRIC = "negative_elbo"
CHOICES = {"model": "vae", "backbone": "mlp", "data": "digits", "optimizer": "adam"}


def config_of(seed: int = 0, **settings: Any) -> dict[str, Any]:
    """`optimizer__lr=0.1` is optimizer.lr."""
    config: dict[str, Any] = {"seed": seed, "plugins": [], "optimizer": {"lr": 0.001}}
    for key, value in settings.items():
        inner, (*path, last) = config, key.split("__")
        for name in path:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return config


def make_run(
    folder: Path,
    values: Sequence[float | None],
    seed: int = 0,
    status: str = "finished",
    reason: str = "it ended",
    choices: Mapping[str, str] | None = None,
    monitor: str = METRIC,
    seconds: float = 0.5,
    flops: int | None = 1000,
    test: float | None = None,
    digest: str = "0" * 64,
    started: str = "2026-01-01T00:00:00+00:00",
    **settings: Any,
) -> Path:
    """A run whose evaluations, at steps 0, 10, 20, …, had these values.

    A step takes `seconds` of training, `flops` FLOPs and 8 examples.
    """
    folder.mkdir(parents=True, exist_ok=True)
    steps = [EVERY * place for place in range(len(values))]
    last = steps[-1] if steps else 0
    info = {
        "status": status,
        "reason": reason,
        "choices": {**CHOICES, **(choices or {})},
        "overrides": [],
        "seed": seed,
        "steps": PLANNED,
        "monitor": monitor,
        "environment": {"device": "cpu", "threads": 1},
        "data": {"name": "digits", "digest": digest, "shape": [1, 28, 28]},
        "parameters": {"vae": 10},
        "resumed": [],
        "flops_a_step": flops,
        "started": started,
        "step": last,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config_of(seed, **settings)))
    (folder / "run.json").write_text(json.dumps(info))
    rows = [
        {"step": step, "examples": BATCH * step, "vae/loss": 1.0}
        | ({} if value is None else {f"held_out/{monitor}": value})
        for step, value in zip(steps, values, strict=True)
    ]
    write_lines(folder / "metrics.jsonl", rows)
    times = [{"step": step, "training": seconds * step} for step in steps]
    write_lines(folder / "timings.jsonl", times)
    if test is not None:
        (folder / "test.json").write_text(json.dumps({"step": last, "values": {monitor: test}}))
    return folder


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def record_of(folder: Path, **told: Any) -> RunRecord:
    record = read_record(folder, folder.name, read_settings(folder / "config.yaml"), **told)
    return record.load()


def made_record(
    folder: Path, values: Sequence[float | None], seed: int = 0, **said: Any
) -> RunRecord:
    return record_of(make_run(folder, values, seed, **said))


def make_plan(
    folder: Path,
    names: Sequence[str],
    search: Mapping[str, Any] | None = None,
    left: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """The plan of a sweep whose jobs are the runs in these folders; `left` never started."""
    configs = {name: read_settings(folder / name / "config.yaml") for name in names}
    choices = {
        name: json.loads((folder / name / "run.json").read_text())["choices"] for name in names
    }
    jobs = [
        Job(name, compute_identity(config), [], dict(choices.get(name, CHOICES)), dict(config))
        for name, config in {**configs, **(left or {})}.items()
    ]
    if search is not None:
        search = {
            "trials": len(names), "seeds": [0], "seed": 0, "batch": 1, "words": [],
            "config_dir": None, "made": {}, **search,
        }  # fmt: skip
    SweepPlan([], jobs, None if search is None else dict(search)).write(folder)
