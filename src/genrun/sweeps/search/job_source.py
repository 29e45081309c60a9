"""A search as a source of jobs: a trial is drawn when there is room for its run.

All its state is on disk: the study's journal, the plan's jobs, the runs' folders. So it can be
killed at any moment, resumed, and joined from other machines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.core.status import RunStatus
from genrun.runs import layout
from genrun.runs.optuna_journal import create_study
from genrun.sweeps.job_state import JobState, job_state
from genrun.sweeps.plan import Job, SweepPlan, identity_of, read_plan
from genrun.sweeps.search.settings import settings_of
from genrun.sweeps.search.trial_configs import compose_point, job_name
from genrun.sweeps.search.trial_locks import TrialLocks, search_lock
from genrun.sweeps.search.trials import TrialOutcome, Trials, verdict
from genrun.terminal.tables import print_line


@contextmanager
def open_search(sweep: Path) -> Iterator[SearchJobSource]:
    """While open, this process runs trials of the search; then it releases those it has not ended.

    Raises `CheckpointUnusable` if trials were planned and the study's journal is gone.
    """
    settings = settings_of(read_plan(sweep))
    if not (sweep / layout.JOURNAL).exists() and settings.made:
        raise CheckpointUnusable(f"{sweep / layout.JOURNAL}: the journal of this search is gone")
    create_study(sweep / layout.JOURNAL)  # if a search was killed before it had one
    source = SearchJobSource(sweep)
    try:
        yield source
    finally:
        source.release()


class SearchJobSource:
    """Gives the runs of trials, and tells the study how they ended.

    Of a trial with several seeds the first run begins search_lock; the others follow where it comes to
    its end, since a trial that was pruned, diverged or failed needs none.
    """

    def __init__(self, sweep: Path) -> None:
        self._sweep = sweep
        self._plan = read_plan(sweep)
        self._settings = settings_of(self._plan)
        self._trials = Trials(sweep / layout.JOURNAL, self._settings)
        self._locks = TrialLocks(sweep)
        self._taken: set[str] = set()  # each run once: an interrupted one waits for a resume
        self._ready: deque[Job] = deque()
        with self._locked():
            self._retry_failed()

    @property
    def most_jobs(self) -> int:
        """The number of runs if no trial ends early."""
        return self._settings.trials * len(self._settings.seeds)

    @property
    def batch_size(self) -> int:
        """Runs at once, for a launcher that takes lists."""
        return self._settings.batch

    def release(self) -> None:
        """Releases the trials that this process has locked, for a resume or other processes."""
        for number in self._locks:
            self._locks.release(number)

    def examples(self) -> list[Job]:
        """The next run, if there is one."""
        job = self.take()
        if job is None:
            return []
        self._ready.appendleft(job)
        return [job]

    def take(self) -> Job | None:
        """Returns the next run; None if all are done or running."""
        if not self._ready:
            with self._locked():
                self._adopt_orphans()
                while not self._ready and self._trials.to_come() > 0:
                    self._run_trial(self._trials.ask())
        return self._ready.popleft() if self._ready else None

    def job_ended(self, state: JobState) -> None:
        """Reports the outcome to the study, or plans the trial's next runs."""
        with self._locked():
            for number in self._locks:
                if state.job.name in self._names(number):
                    self._settle(self._trials.all()[number])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """While open, the plan is up to date with all processes, and only this one writes it."""
        with search_lock(self._sweep):
            self._plan = read_plan(self._sweep)
            self._settings = settings_of(self._plan)
            yield

    def _adopt_orphans(self) -> None:
        """Takes over trials whose process was stopped or killed, and those that only need a report."""
        for trial in self._trials.running():
            if trial.number not in self._locks:
                self._run_trial(trial)

    def _run_trial(self, trial: FrozenTrial) -> None:
        """Continues a trial from where it is, unless another process runs it."""
        if not self._locks.acquire(trial.number):
            return
        if not self._trials.is_whole(trial):
            self._trials.abandon(trial.number)
            self._locks.release(trial.number)
            return
        try:
            if not self._names(trial.number):
                self._plan_runs(trial, self._settings.seeds[:1])
            self._settle(trial)
        except (
            ConfigError
        ) as error:  # the corners of the space could be composed, this point cannot
            print_line(f"trial {trial.number}: {error}")
            self._end(trial.number, TrialOutcome(TrialState.FAIL, reason=str(error)))

    def _settle(self, trial: FrozenTrial) -> None:
        """Reports to the study how the trial ended, or plans its next runs."""
        runs = self._runs(trial.number)
        seeds = self._settings.seeds
        if ended := verdict([run for run in runs if self._counts(trial, run)], len(seeds)):
            self._end(trial.number, ended)
        elif runs[0].has_result and len(runs) < len(seeds):
            self._plan_runs(trial, seeds[len(runs) :])
            self._settle(trial)
        else:
            left = [run.job for run in runs if not run.has_result and self._owns(trial, run)]
            self._ready.extend(job for job in left if job.name not in self._taken)
            self._taken |= {job.name for job in left}

    def _end(self, number: int, ended: TrialOutcome) -> None:
        self._trials.tell(number, ended)
        self._locks.release(number)

    def _names(self, number: int) -> list[str]:
        return self._settings.made.get(str(number), [])

    def _runs(self, number: int) -> list[JobState]:
        return [job_state(self._sweep, self._plan.job(name)) for name in self._names(number)]

    def _owns(self, trial: FrozenTrial, run: JobState) -> bool:
        """Trials with the same values share their runs, which belong to the first of them."""
        made = self._settings.made.items()
        return trial.number == min(int(n) for n, names in made if run.job.name in names)

    def _counts(self, trial: FrozenTrial, run: JobState) -> bool:
        """Whether a run's outcome counts: one that failed in an earlier session is run again."""
        known = run.job.name in self._taken or not self._owns(trial, run)
        return run.status != RunStatus.FAILED or known

    def _plan_runs(self, trial: FrozenTrial, seeds: Sequence[int]) -> None:
        """Adds runs to the plan, unless one with the same configuration is in it."""
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
        """Gives what failed in an earlier session another trial, as any sweep runs it again."""
        made = dict(self._settings.made)
        for trial in self._trials.failed():
            runs = self._runs(trial.number)  # none if its point could not be composed
            if not runs or any(run.status == RunStatus.FAILED for run in runs):
                self._trials.retry(trial)
        for number in self._trials.repeated():
            made.pop(str(number), None)
        if made != self._settings.made:
            self._settings = replace(self._settings, made={})
            self._write(self._plan.jobs, made)
