"""Runs in forked children under injected faults, compared with an undisturbed run.

torch is imported once, here; a fork takes a hundredth of a second. The parent never computes
anything with torch, so that forking it is safe.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from genrun.config.compose import Composed, compose
from genrun.core.errors import STATUS_EXIT_CODES, GenrunError
from genrun.experiment.experiment import Experiment
from genrun.runs.folder import RunFolder
from genrun.terminal.plain import SilentDisplay
from tests.conftest import SMALL

torch.set_num_threads(1)
WORDS = [
    *SMALL, "model=vae", "regularization=[batch_norm,dropout,ema]", "schedule=cosine",
    "stopping=early", "stopping.early.patience=9", "backbone.hidden=[16]", "model.latent_dim=2",
    "model.importance_samples=1", "evaluate_every=3", "log_every=2", "save_every=2",
    "sample_every=6",
]  # fmt: skip
TRIES = 20  # resumes until a run must have ended


@dataclass
class Tally:
    """How the runs under one kind of fault ended."""

    fault: str
    tried: int = 0
    survived: int = 0  # ended with the state and the log of the undisturbed run
    refused: int = 0  # no sound checkpoint was left, and exit code 76 reported it
    lost: int = 0

    def row(self) -> dict[str, str | int]:
        return dict(vars(self))


class Harness:
    """One experiment, its undisturbed result, and folders for runs under faults."""

    def __init__(self, words: Sequence[str] = WORDS) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="genrun-faults-"))
        self.composed: Composed = compose(list(words))
        self._made = 0
        self._alone = self.folder()
        begun = time.monotonic()
        assert self.train(self._alone) == 0
        self.seconds = time.monotonic() - begun
        self.expected = final(self._alone)

    def close(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def folder(self) -> Path:
        self._made += 1
        path = self.root / f"run-{self._made}"
        path.mkdir()
        return path

    def copy(self, template: Path) -> Path:
        path = self.folder()
        shutil.copytree(template, path, dirs_exist_ok=True)
        return path

    def start(self, folder: Path, arm: Callable[[], None] | None = None) -> int:
        """Starts a process that trains in `folder` or resumes there, under a fault."""
        return fork(lambda: self._train_or_resume(folder, arm))

    def train(self, folder: Path, arm: Callable[[], None] | None = None) -> int:
        return wait(self.start(folder, arm))

    def part(self, folder: Path, stop: int) -> Path:
        """Trains up to a step, as if interrupted there."""

        def until(experiment: Experiment) -> Callable[[], bool]:
            return lambda: experiment.built.trial.step >= stop

        code = wait(fork(lambda: self._train_or_resume(folder, None, until)))
        assert code == STATUS_EXIT_CODES["interrupted"], code
        return folder

    def whole_files(self) -> list[Path]:
        """The files of the undisturbed run."""
        return [path for path in self._alone.rglob("*") if path.is_file()]

    def ends_as_if_left_alone(self, folder: Path, keep: bool = False) -> bool:
        """Resumes until the run ends; whether the result is the same and no file is left."""
        for _ in range(TRIES):
            code = self.train(folder)
            if code != STATUS_EXIT_CODES["interrupted"]:
                break
        if code != 0:
            print(f"{folder}: resuming ended with {code}", file=sys.stderr)
            return False
        leftovers = [path.name for path in folder.rglob(".*.tmp")]
        steps = [row["step"] for row in RunFolder(folder).rows()]
        same = final(folder) == self.expected
        good = same and not leftovers and steps == sorted(set(steps))
        if not good:
            print(f"{folder}: same={same}, left {leftovers}, steps {steps}", file=sys.stderr)
        elif not keep:
            shutil.rmtree(folder)
        return good

    def _train_or_resume(
        self,
        folder: Path,
        arm: Callable[[], None] | None,
        until: Callable[[Experiment], Callable[[], bool]] | None = None,
    ) -> int:
        experiment = Experiment.prepare(
            copy.deepcopy(self.composed.config), self.composed.choices, self.composed.overrides
        )
        interrupted = None if until is None else until(experiment)
        if arm is not None:
            arm()
        run = RunFolder(folder)
        if (folder / "config.yaml").is_file() and (folder / "run.json").is_file():
            status = run.read()["status"]
            if status in ("finished", "stopped_early"):
                return 0
            outcome = experiment.resume(run, SilentDisplay(), interrupted)
        else:  # it had not begun: the user gives the command again, which makes a new folder
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            outcome = experiment.train(folder, SilentDisplay(), interrupted)
        return STATUS_EXIT_CODES.get(outcome.status, 0)


def fork(work: Callable[[], int]) -> int:
    """Forks a child that does `work` and exits with its code, as the command line would."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        code = work()
    except GenrunError as error:
        code = error.exit_code
    except KeyboardInterrupt:
        code = STATUS_EXIT_CODES["interrupted"]
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stderr.flush()
        os._exit(code)


def wait(child: int) -> int:
    """Returns the exit code, or the negative number of the signal that ended the child."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill(child: int, number: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)


def final(folder: Path) -> tuple[str, bytes]:
    """The newest checkpoint's name, which contains the digest of all state, and the log."""
    newest = max(path.name for path in (folder / "checkpoints").glob("ckpt-*"))
    return newest, (folder / "metrics.jsonl").read_bytes()


def write_table(tallies: Sequence[Tally], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([tally.row() for tally in tallies], indent=2) + "\n")
