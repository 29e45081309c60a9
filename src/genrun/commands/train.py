"""`genrun [-m] GROUP=CHOICE KEY=VALUE …`: trains a run, or runs a sweep."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genrun.sweeps.sweep import Sweep


def run_sweep(words: Sequence[str], config_dir: str | None) -> int:
    """Plans and runs a sweep, and prints its summary; returns the exit code.

    Raises `SweepFailed` if jobs failed, `SweepPaused` if it ended before all had run.
    """
    from genrun.sweeps.sweep import new_sweep

    gc.enable()
    with new_sweep(words, config_dir) as sweep:
        return run_and_summarize(sweep)


def run_and_summarize(sweep: Sweep) -> int:
    """Runs what a sweep still misses; prints and writes its summary, however it ended."""
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
