"""The description of a run in run.json and at its start on the terminal."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from genrun.core.errors import CheckpointUnusable
from genrun.core.formatting import describe_sample_metrics, describe_updates, format_amount
from genrun.core.types import DataSpec, RunSummary
from genrun.experiment.build import Built
from genrun.experiment.process_team import has_sync_batch_norm

LARGEST = 1e38  # fits a float32


def run_summary(built: Built, choices: Mapping[str, str], folder: Path) -> RunSummary:
    """Returns what the display shows at the start of a run."""
    counts, (low, high) = built.parameter_counts(), built.model.data_range
    flops = built.flops_per_step
    classes, skipped = built.data.spec.classes, built.data.skipped
    title = " ".join(f"{group}={name}" for group, name in choices.items() if name)
    return RunSummary(
        title=title,
        folder=display_path(folder),
        steps=built.plan.steps,
        monitor=built.plan.monitor,
        details={
            "device": f"{built.device}, {torch.get_num_threads()} threads",
            **_describe_processes(built),
            "data": f"{built.data.name}, {built.data.train_count} train, "
            f"{built.data.held_out_count} held out"
            + (f", {built.data.test_count} for a test" if built.data.test_count else "")
            + (f", {classes} classes" if classes else "")
            + (f", {skipped} bad files left out" if skipped else ""),
            "parameters": ", ".join(f"{name} {count:,}" for name, count in counts.items()),
            "model": f"sees data in [{low:g}, {high:g}], judged by {built.plan.monitor}",
            "compute": "not counted"
            if flops is None
            else f"{format_amount('flops', flops)} a step",
            "updates": describe_updates(list_updates(built)),
            **_describe_metrics(built),
        },
    )


def _describe_metrics(built: Built) -> dict[str, str]:
    text = describe_sample_metrics(built.evaluation.sample_metrics.describe())
    return {"metrics": text} if text else {}


def list_updates(built: Built) -> dict[str, list[dict[str, Any]]]:
    """Returns by player each update rule, with the tensors and parameters that it moves."""
    return {player: [asdict(m) for m in moved] for player, moved in built.moved.items()}


def _describe_processes(built: Built) -> dict[str, str]:
    shard = built.step.settings.shard
    if shard is None:
        return {}
    return {"processes": f"{shard.count}, {shard.rows} of {built.data.batch_size} images each"}


def display_path(path: Path) -> str:
    """Returns a path relative to the current folder if it is below it."""
    current = Path.cwd()
    return str(path.relative_to(current)) if path.is_relative_to(current) else str(path)


def run_info(
    built: Built, config: Mapping[str, Any], choices: Mapping[str, str], overrides: Sequence[str]
) -> dict[str, Any]:
    """Returns the content of run.json at the start of a run."""
    return {
        "choices": dict(choices),
        "overrides": list(overrides),
        "seed": config["seed"],
        "steps": built.plan.steps,
        "monitor": built.plan.monitor,
        "data_range": list(built.model.data_range),
        "started": now(),
        "git_commit": git_commit(),
        "environment": environment(built, config),
        "data": {
            "name": built.data.name,
            "digest": built.data.digest,
            "labels_digest": built.data.labels_digest,
            "shape": list(built.data.spec.shape),
            "classes": built.data.spec.classes,
            "points": built.data.spec.points,
            "extent": built.data.spec.extent,
            "train": built.data.train_count,
            "held_out": built.data.held_out_count,
            "test": built.data.test_count,
            "skipped": built.data.skipped,
        },
        "parameters": built.parameter_counts(),
        "flops_a_step": built.flops_per_step,
        "updates": list_updates(built),
        "comparison": built.evaluation.sample_metrics.describe(),
    }


def read_data_spec(data: Mapping[str, Any]) -> DataSpec:
    """Returns the data's shape from run.json. Raises `CheckpointUnusable` if it is damaged."""
    for key in ("classes", "extent"):
        value = data.get(key)
        if not isinstance(value, int | float) or not 0 <= value < LARGEST:
            raise CheckpointUnusable(f"run.json: data.{key} is {value!r} and must be a number")
    classes, extent, points = data["classes"], data["extent"], data.get("points") is True
    channels, height, width = data["shape"]
    if points and (data["shape"] != [2, 1, 1] or extent == 0):
        raise CheckpointUnusable("run.json: data.shape or data.extent is not that of points")
    return DataSpec(
        channels, height, width, classes=int(classes), points=points, extent=float(extent)
    )


def environment(built: Built, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a run's exact numbers depend on besides its configuration."""
    device = built.device
    cuda = device.type == "cuda"
    return {
        "genrun": version("genrun"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if cuda else device.type,
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "precision": config["runtime"]["precision"],
        "compile": config["runtime"]["compile"],
        "processes": built.processes.world_size,
        "sync_batch_norm": has_sync_batch_norm(config, built.processes),
    }


def now() -> str:
    """Returns the time in ISO 8601, UTC."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")


def git_commit() -> str | None:
    """Returns the commit of the Git repository around the current folder, or None."""
    try:
        process = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip()
