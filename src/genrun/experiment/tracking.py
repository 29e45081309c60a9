"""Records a training in its folder and with trackers, whose failures never end it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genrun.config.validation import flatten
from genrun.core.errors import OutputFailed
from genrun.core.protocols.tracker import Scalar, TrackedEnd, TrackedRun, Tracker
from genrun.core.types import Picture
from genrun.experiment.instantiate import Config, instantiate
from genrun.runs.files import claim_folder, make_folder
from genrun.runs.folder import RunFolder
from genrun.runs.recorder import FolderRecorder
from genrun.training.meters.meters import Meters

NOT_HYPERPARAMETERS = ("plugins", "tracker")  # keys of the configuration
OK = "ok"  # the status of a tracker in run.json


def build_trackers(config: Config, plugins: Sequence[str]) -> dict[str, Tracker]:
    """Returns the configured trackers by name, not yet started.

    Raises `ConfigError` if the package of one is not installed.
    """
    return {
        name: instantiate("tracker", settings, plugins, f"tracker.{name}")
        for name, settings in config["tracker"].items()
    }


class TrackingRecorder:
    """A `Recorder` that writes to the run's folder and passes everything to the trackers.

    A tracker that raises is switched off, which is shown by `note` and recorded in run.json under
    `trackers`. The time that trackers take counts as saving, not as training.
    """

    def __init__(
        self,
        run: RunFolder,
        recorder: FolderRecorder,
        meters: Meters,
        trackers: Mapping[str, Tracker],
        note: Callable[[str], None],
    ) -> None:
        self._run = run
        self._recorder = recorder
        self._meters = meters
        self._working = dict(trackers)
        self._status = dict.fromkeys(trackers, OK)
        self._note = note

    def begin(self, config: Mapping[str, Any], first_step: int) -> None:
        """Starts the trackers. Raises `OutputFailed` if run.json cannot be written."""
        name, values = self._run.path.absolute().name, hyperparameters(config)

        def start(tracker: Tracker) -> None:
            folder = self._create_folder(tracker)
            tracker.start(TrackedRun(name, folder.absolute(), values, first_step))

        self._for_each(start)
        self._run.update({"trackers": self._status})

    def _create_folder(self, tracker: Tracker) -> Path:
        folder = self._run.path / tracker.folder
        if not tracker.appends:
            return claim_folder(folder)
        make_folder(folder)
        return folder

    def write_row(self, row: Mapping[str, float], seconds: Mapping[str, float]) -> None:
        self._recorder.write_row(row, {**seconds, **self._meters.timings()})
        values = {name: value for name, value in row.items() if name != "step"}
        self._for_each(lambda tracker: tracker.log_row(int(row["step"]), values))

    def write_health(self, row: Mapping[str, Any]) -> None:
        self._recorder.write_health(row)
        self._for_each(lambda tracker: tracker.log_health(row))

    def write_pictures(self, step: int, pictures: Mapping[str, Picture]) -> None:
        files = self._recorder.write_pictures(step, pictures)
        named = {f"samples{suffix}": png for suffix, png in files.items()}
        self._for_each(lambda tracker: tracker.log_pictures(step, named))

    def write_checkpoint(
        self, tensors: Mapping[str, Tensor], record: Mapping[str, Any], best_step: int | None
    ) -> None:
        self._recorder.write_checkpoint(tensors, record, best_step)

    def finish(self, end: TrackedEnd) -> None:
        self._for_each(lambda tracker: tracker.finish(end))

    def _for_each(self, call: Callable[[Tracker], None]) -> None:
        if not self._working:
            return
        with self._meters.clock.measure("saving"), preserve_rng_state():
            for name, tracker in list(self._working.items()):
                try:
                    call(tracker)
                except (Exception, SystemExit) as error:  # a tracker's package may raise anything
                    self._switch_off(name, error)

    def _switch_off(self, name: str, error: BaseException) -> None:
        first_line = (str(error) or "no reason given").splitlines()[0]
        del self._working[name]
        self._status[name] = f"{type(error).__name__}: {first_line}"
        self._note(f"tracker={name} is switched off: {self._status[name]}")
        with contextlib.suppress(OutputFailed):  # the next write reports it
            self._run.update({"trackers": self._status})


def hyperparameters(config: Mapping[str, Any]) -> dict[str, Scalar]:
    """Returns every value by its dotted key, the values of a list joined by commas."""
    values: dict[str, list[Any]] = {}
    for key, value in flatten(
        "", {k: v for k, v in config.items() if k not in NOT_HYPERPARAMETERS}
    ):
        values.setdefault(key, []).append("null" if value is None else value)
    return {key: v[0] if len(v) == 1 else ",".join(map(str, v)) for key, v in values.items()}


@contextlib.contextmanager
def preserve_rng_state() -> Iterator[None]:
    """Restores the state of the global random generators after the block."""
    python, numpy, state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(state)
