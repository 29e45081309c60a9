"""One trial from its configuration to its folder: prepare, train, resume."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from genrun import facts
from genrun.build import Built, build
from genrun.build.device import idle_gpus
from genrun.build.memory import memory_errors
from genrun.build.optimizers import TO_THE_END
from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.core.protocols import Display
from genrun.ending import finish, note_end
from genrun.room import check_room
from genrun.runs.checkpoint import Checkpoint, read_checkpoint
from genrun.runs.files import claim
from genrun.runs.folder import RunFolder
from genrun.runs.lock import only_writer
from genrun.runs.recorder import Recorder
from genrun.saved import differences
from genrun.training.clock import Clock
from genrun.training.interrupt import Interrupt
from genrun.training.loop import Loop, Outcome
from genrun.training.recording import NoRecord, Record


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
        with memory_errors(config):
            built = build(config, config["plugins"])
        return cls(config, choices, overrides, built)

    def claim(self, wanted: Path) -> Path:
        """A folder that no other run has, and room for it; the same for all processes."""

        def claimed() -> str:
            check_room(wanted, self.built)
            return str(claim(wanted))

        return Path(self.built.processes.first(claimed))

    def train(
        self, folder: Path, display: Display, interrupted: Callable[[], bool] | None = None
    ) -> Outcome:
        """Trains in an empty folder of its own."""
        if self.built.processes.rank > 0:
            return self._follow(display, interrupted)
        run = RunFolder(folder)
        with only_writer(folder), Interrupt() as signals:
            run.write_config(OmegaConf.to_yaml(OmegaConf.create(self.config)))
            collected = facts.collect(self.built, self.config, self.choices, self.overrides)
            run.update({"status": "running", "reason": "", **collected, "resumed": []})
            recorder = Recorder.begin(folder)
            return self._run(run, recorder, display, interrupted or signals, Clock(), None)

    def resume(
        self,
        run: RunFolder,
        display: Display,
        interrupted: Callable[[], bool] | None = None,
    ) -> Outcome:
        """Goes on from the newest sound checkpoint."""
        if self.built.processes.rank > 0:
            return self._follow(display, interrupted)
        with only_writer(run.path), Interrupt() as signals:
            before = run.read()
            if before["data"]["digest"] != self.built.data.digest:
                raise CheckpointUnusable(f"{run.path}: the data changed since this run began")
            self._refuse_longer_schedule(before["steps"])
            changed = differences(
                {**facts.EARLIER, **before["environment"]},
                facts.environment(self.built, self.config),
            )
            recorder, checkpoint, seconds, passed_over = Recorder.resume(run.path)
            for name in passed_over:
                display.note(f"{name} is damaged or does not fit the log; it was set aside")
            if checkpoint is not None:
                self._restore(checkpoint)
            for name, (was, now) in changed.items():
                display.note(
                    f"{name} was {was} and is {now}: the rest will not be exactly the same"
                )
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
            return self._run(run, recorder, display, interrupted or signals, clock, checkpoint)

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

    def _follow(self, display: Display, interrupted: Callable[[], bool] | None) -> Outcome:
        """Beside rank 0, which writes: every step that it takes, and nothing on disk."""
        with Interrupt() as signals, memory_errors(self.config):
            path: str | None = self.built.processes.agree(None)  # of what rank 0 goes on from
            if path is not None:
                self._restore(read_checkpoint(Path(path)))
            loop = self._loop(NoRecord(), display, interrupted or signals, Clock(), path is None)
            outcome = loop.run()
            self.built.processes.wait()
            return outcome

    def _loop(
        self,
        record: Record,
        display: Display,
        interrupted: Callable[[], bool],
        clock: Clock,
        fresh: bool,
    ) -> Loop:
        built, seconds = self.built, clock.trained
        if built.exchange is not None:
            interrupted, seconds = built.exchange.watch(interrupted, seconds)
        return Loop(
            trial=built.trial,
            step=built.step,
            evaluation=built.evaluation,
            plan=built.plan,
            record=record,
            display=display,
            interrupted=interrupted,
            seconds=seconds,
            processes=built.processes,
            clock=clock,
            fresh=fresh,
        )

    def _run(
        self,
        run: RunFolder,
        recorder: Recorder,
        display: Display,
        interrupted: Callable[[], bool],
        clock: Clock,
        checkpoint: Checkpoint | None,
    ) -> Outcome:
        built = self.built
        display.start(facts.summarize(self.built, self.choices, run.path), built.trial.step)
        if advice := idle_gpus(self.config["runtime"]["device"], built.processes.size):
            display.note(advice)
        try:
            with memory_errors(self.config):
                built.processes.agree(checkpoint and str(checkpoint.path.absolute()))
                loop = self._loop(recorder, display, interrupted, clock, checkpoint is None)
                outcome = loop.run()
        except KeyboardInterrupt:
            note_end(run, "interrupted", "left at once by a second signal")
            raise
        except BaseException as error:
            note_end(run, "failed", f"{type(error).__name__}: {error}")
            raise
        finally:
            recorder.close()
            with contextlib.suppress(OSError, ValueError):  # a terminal gone is no reason to fail
                display.close()
        finish(run, built, outcome, clock, display)
        built.processes.wait()  # whoever leaves with another code than 0 has the others killed
        return outcome
