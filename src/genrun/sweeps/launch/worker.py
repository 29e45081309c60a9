"""The functions that run in a process forked from the fork server, which has imported torch."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from genrun.core.errors import GenrunError
from genrun.core.status import RunStatus
from genrun.core.types import RunSummary
from genrun.experiment.device import limit_threads
from genrun.experiment.experiment import Experiment
from genrun.experiment.memory import checkpoint_bytes
from genrun.runs.files import make_folder, open_append
from genrun.sweeps.job import run_job
from genrun.sweeps.job_state import job_state
from genrun.sweeps.launch.resources import JobResources
from genrun.sweeps.plan import Job
from genrun.training.interrupt import SIGNALS

SECONDS_BETWEEN_MESSAGES = 0.2
OUTPUT = "output.txt"  # of a job, in its folder


class PipeDisplay:
    """Sends the job's progress to the parent; stops the job on a message, or if the parent ends.

    The parent sends messages, not signals: if a cluster has signalled all processes, a second
    signal would end the job without saving.
    """

    def __init__(self, connection: Connection) -> None:
        self.step = 0
        self.stopped = False
        self._connection = connection
        self._steps = 0
        threading.Thread(target=self._report, daemon=True).start()

    def _report(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while not self._connection.poll(SECONDS_BETWEEN_MESSAGES):
                if self._steps:
                    self._connection.send((self.step, self._steps))
            self._connection.recv()
        self.stopped = True

    def start(self, run: RunSummary, step: int) -> None:
        self.step, self._steps = step, run.steps

    def show_row(self, row: Mapping[str, float], policies: Sequence[str]) -> None:
        return None

    def note(self, text: str) -> None:
        print(text, flush=True)

    def finish(self, status: RunStatus, reason: str, lines: Mapping[str, str]) -> None:
        print(f"{status}: {reason}", flush=True)

    def close(self) -> None:
        return None


def train(
    sweep: Path, job: Job, plugins: Sequence[str], resources: JobResources, connection: Connection
) -> None:
    """Trains or resumes one job; its outcome is in its folder."""
    earlier = job_state(sweep, job).info.get("environment", {}).get("threads", resources.threads)
    threads = max(1, min(earlier, resources.threads))  # another number changes the last digits
    prepare_process(replace(resources, threads=threads))
    make_folder(sweep / job.name)
    _redirect(sweep / job.name / OUTPUT)
    display = PipeDisplay(connection)
    run_job(sweep, job, plugins, display, lambda: display.stopped)


def check(
    points: Sequence[tuple[dict[str, Any], Mapping[str, str]]], connection: Connection
) -> None:
    """Builds experiments without training; sends a checkpoint size, exit code, error of each."""
    prepare_process(JobResources(1, None))
    for config, choices in points:
        try:
            experiment = Experiment.prepare(config, choices, [])
            connection.send((checkpoint_bytes(experiment.built), 0, ""))
        except GenrunError as error:
            connection.send((0, error.exit_code, str(error)))


def count_gpus(connection: Connection) -> None:
    """Sends the number of GPUs."""
    connection.send(torch.cuda.device_count())


def prepare_process(resources: JobResources) -> None:
    """Detaches a forked process from the terminal's signals; sets its threads and GPU."""
    os.setpgrp()  # Ctrl-C reaches only the parent, which stops each job once
    for number in SIGNALS:  # the fork server ignores them
        signal.signal(number, signal.SIG_DFL)
    limit_threads(resources.threads)
    if resources.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = resources.gpu


def _redirect(path: Path) -> None:
    handle = open_append(path)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(handle, stream.fileno())
    os.close(handle)
