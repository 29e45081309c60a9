"""In a forked process: what a step of a configuration takes. Creates nothing but caches."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import torch

from genrun.core.errors import GenrunError
from genrun.experiment.build import Built
from genrun.experiment.experiment import Experiment
from genrun.experiment.memory import checkpoint_bytes
from genrun.experiment.metrics import build_sample_metrics
from genrun.proof.step_cost import FailedMeasurement, StepCost
from genrun.sweeps.launch.resources import JobResources
from genrun.sweeps.launch.worker import prepare_process
from genrun.training.evaluation import Evaluation

LEAST_STEPS, MOST_STEPS = 3, 20  # that are timed, after one that is not
ENOUGH_SECONDS = 2.0


def measure(
    points: Sequence[tuple[dict[str, Any], Mapping[str, str], bool]],
    share: JobResources,
    connection: Connection,
) -> None:
    """Sends for each configuration what it takes, or what is wrong; times it where that is asked.

    The process has the share of the machine that a job will have.
    """
    prepare_process(share)
    for config, choices, timed in points:
        found = _measured(config, choices, timed)
        try:
            connection.send(found)
        except BrokenPipeError:  # the command was given up
            return


def _measured(
    config: dict[str, Any], choices: Mapping[str, str], timed: bool
) -> StepCost | FailedMeasurement:
    begun = time.perf_counter()
    try:
        built = Experiment.prepare(config, choices, []).built
        found = StepCost(
            monitor=built.plan.monitor,
            examples=built.step.examples_per_step,
            flops=built.flops_per_step,
            checkpoint=checkpoint_bytes(built),
            steps=built.plan.steps,
            build_seconds=time.perf_counter() - begun,
        )
        return _timed(built, config, found) if timed else found
    except GenrunError as error:
        return FailedMeasurement(error.exit_code, str(error))


def _timed(built: Built, config: dict[str, Any], measured: StepCost) -> StepCost:
    """The first step and the first evaluation set things up, and do not count."""
    _step(built, 1)
    begun, done = time.perf_counter(), 0
    while done < MOST_STEPS:
        done += 1
        _step(built, 1 + done)
        if done >= LEAST_STEPS and time.perf_counter() - begun > ENOUGH_SECONDS:
            break
    a_step = (time.perf_counter() - begun) / done
    built.evaluation.evaluate()
    begun = time.perf_counter()
    built.evaluation.evaluate()
    evaluation = time.perf_counter() - begun
    _try_test(built, config)
    return replace(measured, step_seconds=a_step, evaluation_seconds=evaluation)


def _try_test(built: Built, config: dict[str, Any]) -> None:
    """A metric may need more test images than there are: better said now than at the end."""
    tested = built.data.with_test_images()
    comparison = build_sample_metrics(config, tested, config["plugins"])
    own = built.evaluation
    Evaluation(own.model, own.nets, tested, comparison, own.seed, picture_images=0).evaluate()


def _step(built: Built, number: int) -> None:
    built.step(number)
    if built.device.type == "cuda":
        torch.cuda.synchronize(built.device)
