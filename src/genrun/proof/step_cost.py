"""What is known of a configuration once it was built in a process forked for that."""

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
    """One configuration. Times are None where it was only built."""

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
    """What is wrong with a configuration."""

    exit_code: int
    text: str


def measure_step_costs(
    points: Mapping[str, Sequence[Composed]], share: JobResources
) -> dict[str, StepCost]:
    """Builds every configuration that may differ in what it takes, and times some.

    Those that are timed are the first of each contestant. What is known is given by the
    configuration's shape (`sweeps/preflight.py: build_signature`). Raises all that was wrong.
    """
    timed = {build_signature(own[0].config) for own in points.values()}
    asked: dict[str, tuple[str, dict[str, Any], dict[str, str], bool]] = {}
    for label, own in points.items():
        for point in own:
            key = build_signature(point.config)
            asked.setdefault(key, (label, point.config, point.choices, key in timed))
    answers = _ask([entry[1:] for entry in asked.values()], share)
    wrong = [
        (entry[0], answer)
        for entry, answer in zip(asked.values(), answers, strict=False)
        if isinstance(answer, FailedMeasurement)
    ]
    if wrong:
        error = GenrunError(
            join_messages([f"{label}: {refused.text}" for label, refused in wrong])
        )
        error.exit_code = wrong[0][1].exit_code
        raise error
    measured = [answer for answer in answers if isinstance(answer, StepCost)]
    return dict(zip(asked, measured, strict=True))


def _ask(points: Sequence[Any], share: JobResources) -> list[StepCost | FailedMeasurement]:
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
