"""Restores a training state from a checkpoint, and checks that the run may be resumed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genrun.components.data._dataset import Batches
from genrun.config.groups import find_unset_length
from genrun.config.saved import differences
from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.core.protocols.display import Display
from genrun.core.protocols.model import Conditional, Model
from genrun.experiment import run_info
from genrun.experiment.build import Built
from genrun.runs.checkpoint import Checkpoint
from genrun.runs.latest_checkpoint import LatestCheckpoint
from genrun.training.plan import TrainingPlan
from genrun.training.state import TrainingState


def check_same_data(data: Batches, model: Model, path: Path, before: Mapping[str, Any]) -> None:
    """Raises `CheckpointUnusable` if the data, or labels that the model uses, have changed."""
    labels = before.get("labels_digest")
    relabelled = isinstance(model, Conditional) and labels != data.labels_digest
    if before["digest"] != data.digest or relabelled:
        raise CheckpointUnusable(f"{path}: the data changed since this run started")


def check_same_length(plan: TrainingPlan, config: Mapping[str, Any], steps: int) -> None:
    """Raises `ConfigError` if the number of steps changes and the schedule's length depends on it.

    Further steps would all have the last learning rate.
    """
    key = find_unset_length(config["schedule"])
    if key is not None and steps != plan.steps:
        raise ConfigError(
            f"steps={plan.steps}: schedule.{key} was set to end at step {steps}, with the "
            "last learning rate; start a new run instead"
        )


def restore(trial: TrainingState, checkpoint: Checkpoint) -> None:
    """Raises `CheckpointUnusable` if it is of another model, or its record is damaged."""
    try:
        trial.check_tensors(checkpoint.meta_tensors)
        trial.restore(checkpoint.tensors(), checkpoint.record)
    except Exception as error:  # a damaged record can fail in any way
        text = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointUnusable(f"{checkpoint.path}: does not fit ({text})") from error


def note_changes(
    built: Built,
    config: Mapping[str, Any],
    before: Mapping[str, Any],
    newest: LatestCheckpoint,
    display: Display,
) -> dict[str, tuple[Any, Any]]:
    """Moves unusable checkpoints aside; shows and returns what differs from run.json."""
    for name in newest.set_aside():
        display.note(f"{name} is damaged or does not fit the log; it was set aside")
    changed = differences(before["environment"], run_info.environment(built, config))
    for name, (old, new) in changed.items():
        display.note(f"{name} was {old} and is now {new}: the results will not be bit-identical")
    return changed
