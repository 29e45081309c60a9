"""A search as a source of jobs: trials are asked of the study as places for them get free.

All that it knows is on disk: the study's journal, the plan's jobs, the runs' folders. So it can be
killed at any moment, gone on with, and joined from other machines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

from hydra.plugins.launcher import Launcher
from optuna.trial import FrozenTrial, TrialState

from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.core.status import RunStatus
from genrun.runs import layout
from genrun.runs.optuna_journal import create_study
from genrun.sweeps.job_state import JobState, job_state
from genrun.sweeps.launch.hydra_launchers import TakesSource, engine_of
from genrun.sweeps.plan import Job, SweepPlan, identity_of, read_plan
from genrun.sweeps.search.settings import settings_of
from genrun.sweeps.search.trial_configs import compose_point, job_name
from genrun.sweeps.search.trial_locks import Claims, alone
from genrun.sweeps.search.trials import TrialOutcome, Trials, verdict
from genrun.terminal.tables import print_line


# MERGED: A search's jobs to a launcher: as places get free where it takes them so, else in lists.
def run_search(sweep: Path, launcher: Launcher, plugins: Sequence[str]) -> None:
    """Until all trials are told, or what is left is another process's."""
    settings = settings_of(read_plan(sweep))
    if not (sweep / layout.JOURNAL).exists() and settings.made:
        raise CheckpointUnusable(f"{sweep / layout.JOURNAL}: the journal of this search is gone")
    create_study(sweep / layout.JOURNAL)  # where a search was killed before it had one
    with SearchJobSource(sweep) as search:
        if isinstance(launcher, TakesSource):
            launcher.launch_source(search, settings.trials * len(settings.seeds))
            return
        with engine_of(sweep, launcher, plugins) as engine:
            while jobs := list(islice(iter(search.take, None), settings.batch)):
                engine.launch(jobs)
                for job in jobs:
                    search.ended(job_state(sweep, job))


class SearchJobSource:
    """Gives the runs of trials, and tells the study how they ended.

    Of a trial with several seeds the first run begins alone; the others follow where it comes to
    its end, since a trial that was pruned, diverged or failed needs none.
    """

    def __init__(self, sweep: Path) -> None:
        self._sweep = sweep
        self._plan = read_plan(sweep)
        self._settings = settings_of(self._plan)
        self._trials = Trials(sweep / layout.JOURNAL, self._settings)
        self._claims = Claims(sweep)
        self._given: set[str] = set()  # each run once: one that was stopped waits for a resume
        self._ready: deque[Job] = deque()
        with self._alone():
            self._retry_failed()

    def __enter__(self) -> SearchJobSource:
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._claims:
            self._claims.drop(number)

    def peek(self) -> Job | None:
        """What `take` gives next."""
        if (job := self.take()) is not None:
            self._ready.appendleft(job)
        return job

    def take(self) -> Job | None:
        """The next run; None where all are done or under way."""
        if not self._ready:
            with self._alone():
                self._adopt_orphans()
                while not self._ready and self._trials.to_come() > 0:
                    self._look_after(self._trials.ask())
        return self._ready.popleft() if self._ready else None

    def ended(self, state: JobState) -> None:
        with self._alone():
            for number in self._claims:
                if state.job.name in self._names(number):
                    self._settle(self._trials.all()[number])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While open, the plan is what all processes have made of it, and only this one writes."""
        with alone(self._sweep):
            self._plan = read_plan(self._sweep)
            self._settings = settings_of(self._plan)
            yield

    def _adopt_orphans(self) -> None:
        """Trials whose process was stopped or killed, and those that are to be told only."""
        for trial in self._trials.running():
            if trial.number not in self._claims:
                self._look_after(trial)

    def _look_after(self, trial: FrozenTrial) -> None:
        """Goes on from wherever a trial had got to, if no other process does."""
        if not self._claims.take(trial.number):
            return
        if not self._trials.is_whole(trial):
            self._trials.abandon(trial.number)
            self._claims.drop(trial.number)
            return
        try:
            if not self._names(trial.number):
                self._plan_runs(trial, self._settings.seeds[:1])
            self._settle(trial)
        except ConfigError as error:  # the corners of the space could be composed, this cannot
            print_line(f"trial {trial.number}: {error}")
            self._end(trial.number, TrialOutcome(TrialState.FAIL, reason=str(error)))

    def _settle(self, trial: FrozenTrial) -> None:
        """Tells the study how the trial ended, or makes its next runs ready."""
        runs = self._runs(trial.number)
        seeds = self._settings.seeds
        if ended := verdict([run for run in runs if self._counts(trial, run)], len(seeds)):
            self._end(trial.number, ended)
        elif runs[0].has_result and len(runs) < len(seeds):
            self._plan_runs(trial, seeds[len(runs) :])
            self._settle(trial)
        else:
            left = [run.job for run in runs if not run.has_result and self._owns(trial, run)]
            self._ready.extend(job for job in left if job.name not in self._given)
            self._given |= {job.name for job in left}

    def _end(self, number: int, ended: TrialOutcome) -> None:
        self._trials.tell(number, ended)
        self._claims.drop(number)

    def _names(self, number: int) -> list[str]:
        return self._settings.made.get(str(number), [])

    def _runs(self, number: int) -> list[JobState]:
        return [job_state(self._sweep, self._plan.job(name)) for name in self._names(number)]

    def _owns(self, trial: FrozenTrial, run: JobState) -> bool:
        """Trials with the same values share their runs, which the first of them looks after."""
        made = self._settings.made.items()
        return trial.number == min(int(n) for n, names in made if run.job.name in names)

    def _counts(self, trial: FrozenTrial, run: JobState) -> bool:
        """A run that failed when nobody was there to tell it is tried again."""
        known = run.job.name in self._given or not self._owns(trial, run)
        return run.status != RunStatus.FAILED or known

    def _plan_runs(self, trial: FrozenTrial, seeds: Sequence[int]) -> None:
        """Adds runs to the plan; one with the same configuration is there already."""
        jobs, values = list(self._plan.jobs), self._trials.words(trial)
        named: list[str] = []
        several = len(self._settings.seeds) > 1
        for seed in seeds:
            point = compose_point(self._settings.words, values, seed, self._settings.config_dir)
            identity = identity_of(point.config)
            job = next((job for job in jobs if job.identity == identity), None)
            if job is None:
                name = job_name(trial.number, values, seed if several else None)
                job = Job(name, identity, point.overrides, point.choices, point.config)
                jobs.append(job)
            named.append(job.name)
        self._write(jobs, {str(trial.number): [*self._names(trial.number), *named]})

    def _write(self, jobs: list[Job], made: Mapping[str, list[str]]) -> None:
        all_made = {**self._settings.made, **made}
        self._settings = replace(self._settings, made=all_made)
        self._plan = SweepPlan(self._plan.words, jobs, asdict(self._settings))
        self._plan.write(self._sweep)

    def _retry_failed(self) -> None:
        """What failed in an earlier session is missing, as in any sweep: it gets another trial."""
        made = dict(self._settings.made)
        for trial in self._trials.failed():
            runs = self._runs(trial.number)  # none, where its point could not be composed
            if not runs or any(run.status == RunStatus.FAILED for run in runs):
                self._trials.retry(trial)
        for number in self._trials.repeated():
            made.pop(str(number), None)
        if made != self._settings.made:
            self._settings = replace(self._settings, made={})
            self._write(self._plan.jobs, made)
