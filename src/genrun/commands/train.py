"""`genrun [-m] GROUP=CHOICE KEY=VALUE …`: trains a run, or runs a sweep."""

from __future__ import annotations

import contextlib
import gc
import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from genrun.core.errors import ConfigError
from genrun.core.process_rank import exit_code_for

if TYPE_CHECKING:
    from genrun.sweeps.sweep import Sweep


def train(words: list[str], config_dir: str | None) -> int:
    """Composes, trains and records one experiment; returns the exit code."""
    from genrun.config.compose import compose

    composed = compose(words, config_dir)  # reports every error that can be found without torch
    if composed.sweeps:
        raise ConfigError("this configuration sweeps over several values: genrun -m …")
    from genrun.config.hydra_main import output_files
    from genrun.experiment.experiment import Experiment
    from genrun.runs.folder import RunFolder
    from genrun.terminal.display import create_display
    from genrun.training.interrupt import Interrupt

    experiment = Experiment.prepare(composed.config, composed.choices, words)
    gc.enable()
    with Interrupt() as signals:  # from here on the run must stay resumable
        folder = experiment.claim(composed.folder.absolute())
        is_rank_zero = experiment.built.processes.rank == 0
        if is_rank_zero and composed.composition is not None:
            RunFolder(folder).write_hydra_files(output_files(composed.composition, folder))
        outcome = experiment.train(folder, create_display(is_rank_zero), signals)
    return exit_code_for(outcome.status)


def show_configuration(flags: list[str], words: list[str], config_dir: str | None) -> int:
    """Prints what Hydra's own flags show (`--cfg job` and others) without running anything."""
    from genrun.config.compose import check_safe, compose
    from genrun.config.hydra_main import call_hydra

    check_safe(words, config_dir)
    messages = io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            call_hydra(flags, words, task=lambda config: None)
    except SystemExit as end:
        if not end.code:
            return 0
        compose(words, config_dir)  # raises the error in one line, unlike Hydra
        print(messages.getvalue(), file=sys.stderr, end="")
        return ConfigError.exit_code
    return 0


def run_sweep(words: Sequence[str], config_dir: str | None) -> int:
    """Plans and runs a sweep, and prints its summary; returns the exit code.

    Raises `SweepFailed` if jobs failed, `SweepPaused` if it ended before all had run.
    """
    from genrun.sweeps.sweep import create_sweep

    gc.enable()
    with create_sweep(words, config_dir) as sweep:
        return run_and_summarize(sweep)


def run_and_summarize(sweep: Sweep) -> int:
    """Runs a sweep's remaining jobs; prints and writes its summary, however it ends."""
    from genrun.results.summary.summary import show_outcome, summarize_sweep
    from genrun.terminal.tables import print_line

    try:
        sweep.run()
    except KeyboardInterrupt:
        print_line(f"interrupted; resume with: genrun resume {sweep.folder}")
        raise
    finally:
        outcome = summarize_sweep(sweep.folder, sweep.plan)
        show_outcome(outcome)
    outcome.check()
    return 0
