"""An experiment: prepared from its configuration, trained and resumed in a run's folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from genrun.config.saved import goes_further, read_config
from genrun.core.errors import FolderLocked
from genrun.core.protocols.display import Display
from genrun.core.protocols.tracker import Tracker
from genrun.core.status import RunStatus
from genrun.experiment import run_info
from genrun.experiment.build import Built, build
from genrun.experiment.device import idle_gpus
from genrun.experiment.memory import checkpoint_bytes, memory_errors
from genrun.experiment.outcome import record_failure, record_outcome, tracked_end
from genrun.experiment.restore import (
    check_same_data,
    check_same_length,
    note_changes,
    restore,
)
from genrun.experiment.stopping import count_flops
from genrun.experiment.tracking import TrackingRecorder, build_trackers
from genrun.runs.checkpoint import Checkpoint, read_checkpoint
from genrun.runs.disk_space import check_disk_space
from genrun.runs.files import claim_folder
from genrun.runs.folder import RunFolder
from genrun.runs.latest_checkpoint import find_latest_checkpoint
from genrun.runs.lock import lock_folder
from genrun.runs.recorder import FolderRecorder
from genrun.runs.usage import usage_before_resume
from genrun.training.interrupt import Interrupt
from genrun.training.loop import Loop
from genrun.training.meters.meters import Clock, Meters
from genrun.training.plan import TrainingOutcome
from genrun.training.recorder import NullRecorder, Recorder


@dataclass
class Experiment:
    """A checked and built experiment. Nothing is on disk until `train`."""

    config: dict[str, Any]
    choices: Mapping[str, str]
    overrides: Sequence[str]
    built: Built
    trackers: Mapping[str, Tracker]

    @classmethod
    def prepare(
        cls, config: dict[str, Any], choices: Mapping[str, str], overrides: Sequence[str]
    ) -> Experiment:
        """Builds everything, so that errors are raised before a folder is created."""
        with memory_errors(config):
            trackers = build_trackers(config, config["plugins"])
            built = build(config, config["plugins"])
            flops = count_flops(built.step, built.trial.stoppers)
            built = replace(built, flops_per_step=flops)
        return cls(config, choices, overrides, built, trackers)

    def claim(self, folder: Path) -> Path:
        """Creates a folder, numbered if it exists, and returns it in all processes.

        Raises `OutputFailed` if the disk has no space for a checkpoint.
        """

        def check_and_claim() -> str:
            check_disk_space(folder, checkpoint_bytes(self.built))
            return str(claim_folder(folder))

        return Path(self.built.processes.on_rank_zero(check_and_claim))

    def train(
        self, folder: Path, display: Display, interrupted: Callable[[], bool] | None = None
    ) -> TrainingOutcome:
        """Trains a new run in an empty folder."""
        if self.built.processes.rank > 0:
            return self._follow(display, interrupted)
        run = RunFolder(folder)
        with lock_folder(folder), Interrupt(interrupted) as signals:
            run.write_config(OmegaConf.to_yaml(OmegaConf.create(self.config)))
            info = run_info.run_info(self.built, self.config, self.choices, self.overrides)
            run.update({"status": RunStatus.RUNNING, "reason": "", **info, "resumed": []})
            recorder = FolderRecorder.begin(folder)
            return self._run(run, recorder, display, signals, Meters(self.built.device), None)

    def resume(
        self,
        run: RunFolder,
        display: Display,
        interrupted: Callable[[], bool] | None = None,
        expected: Mapping[str, Any] | None = None,
    ) -> TrainingOutcome:
        """Resumes from the newest intact checkpoint; writes nothing before it is restored.

        `expected` is the run.json that the caller has read. Raises `FolderLocked` if another
        process has changed it since.
        """
        if self.built.processes.rank > 0:
            return self._follow(display, interrupted)
        run.check_no_links()
        with lock_folder(run.path), Interrupt(interrupted) as signals:
            before = run.read()
            if expected is not None and before != expected:
                raise FolderLocked(f"{run.path}: another process has just resumed it")
            check_same_data(self.built.data, self.built.model, run.path, before["data"])
            check_same_length(self.built.plan, self.config, before["steps"])
            newest = find_latest_checkpoint(run.path)
            if newest.checkpoint is not None:
                restore(self.built.trial, newest.checkpoint)
            if goes_further(read_config(run.config_path), self.config):
                self.built.trial.stop_reason = ""
            changed = note_changes(self.built, self.config, before, newest, display)
            recorder, timings = FolderRecorder.resume(run.path, newest.checkpoint)
            usage = usage_before_resume(before, timings, self.built.trial.step)
            resumed = {"step": self.built.trial.step, "exact": not changed, "changed": changed}
            run.write_config(OmegaConf.to_yaml(OmegaConf.create(self.config)))
            run.update(
                {
                    "status": RunStatus.RUNNING,
                    "reason": "",
                    "steps": self.built.plan.steps,
                    "resumed": [*before["resumed"], resumed],
                    "compute": None,
                }
            )
            meters = Meters(self.built.device, None if newest.checkpoint is None else usage)
            return self._run(run, recorder, display, signals, meters, newest.checkpoint)

    def _follow(self, display: Display, interrupted: Callable[[], bool] | None) -> TrainingOutcome:
        """Trains in a process other than rank 0, which alone writes to disk."""
        with Interrupt(interrupted) as signals, memory_errors(self.config):
            start: tuple[str | None, str] = self.built.processes.broadcast_object((None, ""))
            path, stop_reason = start  # of rank 0
            if path is not None:
                restore(self.built.trial, read_checkpoint(Path(path)))
            self.built.trial.stop_reason = stop_reason
            loop = self._loop(NullRecorder(), display, signals, Clock(), path is None)
            outcome = loop.run()
            self.built.processes.barrier()
            return outcome

    def _loop(
        self,
        recorder: Recorder,
        display: Display,
        interrupted: Callable[[], bool],
        clock: Clock,
        is_new: bool,
    ) -> Loop:
        built, seconds = self.built, clock.training_seconds
        if built.gradient_sync is not None:
            interrupted, seconds = built.gradient_sync.synchronize(interrupted, seconds)
        return Loop(
            state=built.trial,
            step=built.step,
            evaluation=built.evaluation,
            plan=built.plan,
            recorder=recorder,
            display=display,
            interrupted=interrupted,
            seconds=seconds,
            process_group=built.processes,
            clock=clock,
            is_new=is_new,
            flops_per_step=built.flops_per_step,
        )

    def _run(
        self,
        run: RunFolder,
        recorder: FolderRecorder,
        display: Display,
        interrupted: Callable[[], bool],
        meters: Meters,
        checkpoint: Checkpoint | None,
    ) -> TrainingOutcome:
        built, trial = self.built, self.built.trial
        record = TrackingRecorder(run, recorder, meters, self.trackers, display.note)
        record.begin(self.config, trial.step if checkpoint is None else trial.step + 1)
        display.start(run_info.run_summary(built, self.choices, run.path), trial.step)
        if advice := idle_gpus(self.config["runtime"]["device"], built.processes.world_size):
            display.note(advice)
        try:
            with memory_errors(self.config):
                path = None if checkpoint is None else str(checkpoint.path.absolute())
                built.processes.broadcast_object((path, trial.stop_reason))
                loop = self._loop(record, display, interrupted, meters.clock, checkpoint is None)
                outcome = loop.run()
        except BaseException as error:
            failed = record_failure(run, built, meters, error)
            if not isinstance(error, KeyboardInterrupt):  # the second signal ends at once
                record.finish(tracked_end(built, failed))
            raise
        finally:
            recorder.close()
            with contextlib.suppress(
                OSError, ValueError
            ):  # a closed terminal must not fail the run
                display.close()
        record.finish(tracked_end(built, outcome))
        record_outcome(run, built, outcome, meters, display)
        built.processes.barrier()  # torchrun kills the rest if one process exits with an error
        return outcome
