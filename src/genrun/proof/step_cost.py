"""The cost of a training step, measured in a forked process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genrun.config.compose import Composed
from genrun.core.errors import GenrunError
from genrun.sweeps.launch import fork_server
from genrun.sweeps.launch.resources import JobResources
from genrun.sweeps.preflight import build_signature, join_messages


@dataclass(frozen=True)
class StepCost:
    """The cost of a configuration's step. Times are None if it was built but not timed."""

    monitor: str
    examples: int  # a step
    flops: int | None  # a step; None: they cannot be counted
    checkpoint: int  # bytes
    steps: int  # planned
    build_seconds: float = 0.0
    step_seconds: float | None = None
    evaluation_seconds: float | None = None


@dataclass(frozen=True)
class FailedMeasurement:
    """Why a configuration could not be built."""

    exit_code: int
    text: str


def measure_step_costs(
    points: Mapping[str, Sequence[Composed]], share: JobResources
) -> dict[str, StepCost]:
    """Builds every configuration of different shape, and times the first of each contestant.

    Returns costs by signature (`sweeps/preflight.py: build_signature`). Raises `GenrunError` with
    all configurations that cannot be built.
    """
    timed = {build_signature(own[0].config) for own in points.values()}
    points_by_shape: dict[str, tuple[str, dict[str, Any], dict[str, str], bool]] = {}
    for label, own in points.items():
        for point in own:
            key = build_signature(point.config)
            points_by_shape.setdefault(key, (label, point.config, point.choices, key in timed))
    answers = _measure([entry[1:] for entry in points_by_shape.values()], share)
    wrong = [
        (entry[0], answer)
        for entry, answer in zip(points_by_shape.values(), answers, strict=False)
        if isinstance(answer, FailedMeasurement)
    ]
    if wrong:
        error = GenrunError(
            join_messages([f"{label}: {refused.text}" for label, refused in wrong])
        )
        error.exit_code = wrong[0][1].exit_code
        raise error
    measured = [answer for answer in answers if isinstance(answer, StepCost)]
    return dict(zip(points_by_shape, measured, strict=True))


def _measure(points: Sequence[Any], share: JobResources) -> list[StepCost | FailedMeasurement]:
    process, connection = fork_server.start_process(
        "genrun.proof.step_cost_worker:measure", list(points), share
    )
    answers: list[StepCost | FailedMeasurement] = []
    try:
        for _ in points:
            answers.append(connection.recv())
    except EOFError:
        process.join()
        text = f"cannot be built: its process ended with {process.exitcode}"
        answers.append(FailedMeasurement(GenrunError.exit_code, text))
    process.join()
    return answers
