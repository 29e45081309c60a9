"""Putting a checkpoint into a trial, and what a resumed run may not ask for."""

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
    """Raises `CheckpointUnusable` where the images, or labels that the model uses, are others."""
    labels = before.get("labels_digest", data.labels_digest)  # earlier versions wrote none
    relabelled = isinstance(model, Conditional) and labels != data.labels_digest
    if before["digest"] != data.digest or relabelled:
        raise CheckpointUnusable(f"{path}: the data changed since this run began")


def check_same_length(plan: TrainingPlan, config: Mapping[str, Any], steps: int) -> None:
    """More steps would all be at the last rate of a schedule that was laid out to the end.

    Raises `ConfigError`.
    """
    key = find_unset_length(config["schedule"])
    if key is not None and steps != plan.steps:
        raise ConfigError(
            f"steps={plan.steps}: schedule.{key} was laid out to end at step {steps}, "
            "where the learning rate is at its last; start a new run instead"
        )


def restore(trial: TrainingState, checkpoint: Checkpoint) -> None:
    """Raises `CheckpointUnusable` where it is of another model, or its record is damaged."""
    try:
        trial.check_tensors(checkpoint.meta_tensors)
        trial.restore(checkpoint.tensors(), checkpoint.record)
    except Exception as error:  # a record can be wrong in as many ways as it has entries
        text = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointUnusable(f"{checkpoint.path}: does not fit ({text})") from error


def note_changes(
    built: Built,
    config: Mapping[str, Any],
    before: Mapping[str, Any],
    newest: LatestCheckpoint,
    display: Display,
) -> dict[str, tuple[Any, Any]]:
    """Sets aside what does not serve, and says what is not as run.json has it."""
    for name in newest.set_aside():
        display.note(f"{name} is damaged or does not fit the log; it was set aside")
    was = {**run_info.EARLIER, **before["environment"]}
    changed = differences(was, run_info.environment(built, config))
    for name, (earlier, now) in changed.items():
        display.note(f"{name} was {earlier} and is {now}: the rest will not be exactly the same")
    return changed
