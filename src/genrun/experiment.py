"""One trial from its configuration to its folder: prepare, train, resume."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from genrun import facts
from genrun.build import Built, build
from genrun.build.optimizers import TO_THE_END
from genrun.core.errors import (
    CheckpointUnusable,
    ConfigError,
    FolderLocked,
    OutOfMemory,
    OutputFailed,
)
from genrun.core.protocols import Display
from genrun.runs.folder import RunFolder
from genrun.runs.lock import only_writer
from genrun.runs.newest import Newest, find_newest
from genrun.runs.recorder import Recorder
from genrun.saved import differences, goes_further, read_config
from genrun.training.clock import Clock
from genrun.training.interrupt import Interrupt
from genrun.training.loop import Loop, Outcome


@dataclass
class Experiment:
    """A checked and built experiment. Nothing is on disk until `train`."""

    config: dict[str, Any]
    choices: Mapping[str, str]
    overrides: Sequence[str]
    built: Built

    @classmethod
    def prepare(
        cls, config: dict[str, Any], choices: Mapping[str, str], overrides: Sequence[str]
    ) -> Experiment:
        """Builds everything, so that whatever is wrong is said before a folder exists."""
        with _memory_errors(config):
            built = build(config, config["plugins"])
        return cls(config, choices, overrides, built)

    def train(
        self, folder: Path, display: Display, interrupted: Callable[[], bool] | None = None
    ) -> Outcome:
        """Trains in an empty folder of its own."""
        run = RunFolder(folder)
        with only_writer(folder), Interrupt(interrupted) as signals:
            run.write_config(OmegaConf.to_yaml(OmegaConf.create(self.config)))
            collected = facts.collect(self.built, self.config, self.choices, self.overrides)
            run.update({"status": "running", "reason": "", **collected, "resumed": []})
            recorder = Recorder.begin(folder)
            return self._run(run, recorder, display, signals, Clock(), fresh=True)

    def resume(
        self,
        run: RunFolder,
        display: Display,
        interrupted: Callable[[], bool] | None = None,
        expected: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Goes on from the newest sound checkpoint. Nothing is written before it is restored.

        `expected` is what the caller read of run.json; raises `FolderLocked` where another
        process has changed it since.
        """
        run.refuse_links()
        with only_writer(run.path), Interrupt(interrupted) as signals:
            before = run.read()
            if expected is not None and before != expected:
                raise FolderLocked(f"{run.path}: another process has just gone on with it")
            if before["data"]["digest"] != self.built.data.digest:
                raise CheckpointUnusable(f"{run.path}: the data changed since this run began")
            self._refuse_longer_schedule(before["steps"])
            newest = find_newest(run.path)
            if newest.checkpoint is not None:
                self._restore(newest.checkpoint)
            if goes_further(read_config(run), self.config):
                self.built.trial.ended = ""
            changed = self._note_changes(before, newest, display)
            recorder, seconds = Recorder.resume(run.path, newest.checkpoint)
            resumed = {"step": self.built.trial.step, "exact": not changed, "changed": changed}
            run.write_config(OmegaConf.to_yaml(OmegaConf.create(self.config)))
            run.update(
                {
                    "status": "running",
                    "reason": "",
                    "steps": self.built.plan.steps,
                    "resumed": [*before["resumed"], resumed],
                }
            )
            clock = Clock()
            clock.seconds |= seconds
            fresh = newest.checkpoint is None
            return self._run(run, recorder, display, signals, clock, fresh)

    def _note_changes(
        self, before: Mapping[str, Any], newest: Newest, display: Display
    ) -> dict[str, tuple[Any, Any]]:
        """Sets aside what does not serve, and says what is not as it was."""
        for name in newest.set_aside():
            display.note(f"{name} is damaged or does not fit the log; it was set aside")
        changed = differences(before["environment"], facts.environment(self.built, self.config))
        for name, (was, now) in changed.items():
            display.note(f"{name} was {was} and is {now}: the rest will not be exactly the same")
        return changed

    def _refuse_longer_schedule(self, steps: int) -> None:
        """More steps would all be at the last rate of a schedule that was laid out to the end."""
        to_the_end = [k for k in TO_THE_END if self.config["schedule"].get(k, 0) is None]
        if to_the_end and steps != self.built.plan.steps:
            raise ConfigError(
                f"steps={self.built.plan.steps}: schedule.{to_the_end[0]} was laid out to end at "
                f"step {steps}, where the learning rate is at its last; start a new run instead"
            )

    def _restore(self, checkpoint: Any) -> None:
        trial = self.built.trial
        try:
            trial.refuse_misfit(checkpoint.forms)
            trial.restore(checkpoint.tensors(), checkpoint.record)
        except Exception as error:  # a record can be wrong in as many ways as it has entries
            text = (str(error) or type(error).__name__).splitlines()[0]
            raise CheckpointUnusable(f"{checkpoint.path}: does not fit ({text})") from error

    def _run(
        self,
        run: RunFolder,
        recorder: Recorder,
        display: Display,
        interrupted: Callable[[], bool],
        clock: Clock,
        fresh: bool,
    ) -> Outcome:
        built = self.built
        display.start(facts.summarize(self.built, self.choices, run.path), built.trial.step)
        try:
            with _memory_errors(self.config):
                loop = Loop(
                    trial=built.trial,
                    step=built.step,
                    evaluation=built.evaluation,
                    plan=built.plan,
                    record=recorder,
                    display=display,
                    interrupted=interrupted,
                    clock=clock,
                    fresh=fresh,
                )
                outcome = loop.run()
        except KeyboardInterrupt:
            self._note_end(run, "interrupted", "left at once by a second signal")
            raise
        except BaseException as error:
            self._note_end(run, "failed", f"{type(error).__name__}: {error}")
            raise
        finally:
            recorder.close()
            with contextlib.suppress(OSError, ValueError):  # a terminal gone is no reason to fail
                display.close()
        self._finish(run, outcome, clock, display)
        return outcome

    def _note_end(self, run: RunFolder, status: str, reason: str) -> None:
        """On the way out of an error, which matters more than that the disk is full."""
        with contextlib.suppress(OutputFailed):
            run.update({"status": status, "reason": reason})

    def _finish(self, run: RunFolder, outcome: Outcome, clock: Clock, display: Display) -> None:
        trial, built = self.built.trial, self.built
        best = None if trial.best is None else {"step": trial.best.step, "value": trial.best.value}
        seconds = {name: round(value, 3) for name, value in clock.read().items()}
        run.update(
            {
                "status": outcome.status,
                "reason": outcome.reason,
                "ended": facts.now(),
                "step": trial.step,
                "best": best,
                "compute": {
                    "steps": trial.step,
                    "examples": trial.step * built.step.examples_a_step,
                    "seconds": seconds,
                },
            }
        )
        lines = {"folder": facts.shown(run.path)}
        if best is not None:
            lines["best"] = f"{built.plan.monitor} {best['value']:.5g} at step {best['step']}"
        if pictures := sorted(run.samples.glob("step-*[0-9].png")):
            lines["samples"] = facts.shown(pictures[-1])
        if outcome.status == "interrupted":
            lines["go on"] = f"genrun resume {facts.shown(run.path)}"
        display.finish(outcome.status, outcome.reason, lines)


@contextmanager
def _memory_errors(config: Mapping[str, Any]) -> Iterator[None]:
    """Turns running out of memory into one line with a batch size to try."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        on_cpu = "DefaultCPUAllocator: can't allocate memory" in str(error)
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and not on_cpu:
            raise
        batch_size = config["data"]["batch_size"]
        raise OutOfMemory(
            f"out of memory with data.batch_size={batch_size}; "
            f"try data.batch_size={max(1, batch_size // 2)}"
        ) from error
