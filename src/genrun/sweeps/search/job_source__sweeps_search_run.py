"""A search's jobs to a launcher: as places get free where it takes them so, else in lists."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from hydra.plugins.launcher import Launcher

from genrun.core.errors import CheckpointUnusable
from genrun.runs.optuna_journal import create_study
from genrun.sweeps.job_state import state_of
from genrun.sweeps.launch.hydra_launchers import TakesSource, engine_of
from genrun.sweeps.plan import read_plan
from genrun.sweeps.pruner_study import JOURNAL
from genrun.sweeps.search.job_source import Search
from genrun.sweeps.search.settings import settings_of


def run_search(sweep: Path, launcher: Launcher, plugins: Sequence[str]) -> None:
    """Until all trials are told, or what is left is another process's."""
    settings = settings_of(read_plan(sweep))
    if not (sweep / JOURNAL).exists() and settings.made:
        raise CheckpointUnusable(f"{sweep / JOURNAL}: the journal of this search is gone")
    create_study(sweep / JOURNAL)  # where a search was killed before it had one
    with Search(sweep) as search:
        if isinstance(launcher, TakesSource):
            launcher.launch_source(search, settings.trials * len(settings.seeds))
            return
        with engine_of(sweep, launcher, plugins) as engine:
            while jobs := list(islice(iter(search.take, None), settings.batch)):
                engine.launch(jobs)
                for job in jobs:
                    search.ended(state_of(sweep, job))
