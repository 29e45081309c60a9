"""A search as a source of jobs: a trial is drawn when a job can start.

All its state is on disk: the study's journal, the plan's jobs, the runs' folders. So it can be
killed at any moment, resumed, and run by several processes and machines at once.
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
from genrun.sweeps.plan import Job, SweepPlan, compute_identity, read_plan
from genrun.sweeps.search.settings import SearchSettings
from genrun.sweeps.search.trial_configs import compose_run, make_job_name
from genrun.sweeps.search.trial_locks import TrialLocks, search_lock
from genrun.sweeps.search.trials import SearchStudy, TrialOutcome, decide_outcome
from genrun.terminal.tables import print_line


@contextmanager
def open_search(sweep: Path) -> Iterator[SearchJobSource]:
    """While open, this process runs trials of the search; then it releases those not ended.

    Raises `CheckpointUnusable` if trials were planned and the study's journal is missing.
    """
    settings = SearchSettings.from_plan(read_plan(sweep))
    if not (sweep / layout.JOURNAL).exists() and settings.made:
        raise CheckpointUnusable(
            f"{sweep / layout.JOURNAL}: the journal of this search is missing"
        )
    create_study(sweep / layout.JOURNAL)  # if the search was killed before it had one
    source = SearchJobSource(sweep)
    try:
        yield source
    finally:
        source.release()


class SearchJobSource:
    """Yields the runs of trials as jobs, and reports to the study how they ended.

    Of a trial with several seeds only one run starts at first. The others follow once it has
    finished: a trial that was pruned, diverged or failed needs none.
    """

    def __init__(self, sweep: Path) -> None:
        self._sweep = sweep
        self._plan = read_plan(sweep)
        self._settings = SearchSettings.from_plan(self._plan)
        self._study = SearchStudy(sweep / layout.JOURNAL, self._settings)
        self._locks = TrialLocks(sweep)
        self._queued: set[str] = set()  # each run once: an interrupted one waits for a resume
        self._queue: deque[Job] = deque()
        with self._locked():
            self._retry_failed()

    @property
    def max_jobs(self) -> int:
        """Returns the number of runs if no trial ends early."""
        return self._settings.trials * len(self._settings.seeds)

    @property
    def batch_size(self) -> int:
        """Returns how many runs a launcher that takes lists gets at once."""
        return self._settings.batch

    def release(self) -> None:
        """Unlocks all trials of this process, for a resume or other processes."""
        for number in self._locks:
            self._locks.release(number)

    def sample_jobs(self) -> list[Job]:
        """Returns the next run without taking it; an empty list if there is none."""
        job = self.take()
        if job is None:
            return []
        self._queue.appendleft(job)
        return [job]

    def take(self) -> Job | None:
        """Returns the next run; None if all are done or running."""
        if not self._queue:
            with self._locked():
                self._adopt_orphaned_trials()
                while not self._queue and self._study.count_remaining() > 0:
                    self._run_trial(self._study.ask())
        return self._queue.popleft() if self._queue else None

    def job_ended(self, state: JobState) -> None:
        """Reports the outcome of the job's trial to the study, or plans the trial's next runs."""
        with self._locked():
            for number in self._locks:
                if state.job.name in self._job_names(number):
                    self._update_trial(self._study.all_trials()[number])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """While open, the plan is up to date, and no other process writes it."""
        with search_lock(self._sweep):
            self._plan = read_plan(self._sweep)
            self._settings = SearchSettings.from_plan(self._plan)
            yield

    def _adopt_orphaned_trials(self) -> None:
        """Takes over running trials whose process has ended."""
        for trial in self._study.running():
            if trial.number not in self._locks:
                self._run_trial(trial)

    def _run_trial(self, trial: FrozenTrial) -> None:
        """Starts or continues a trial, unless another process runs it."""
        if not self._locks.acquire(trial.number):
            return
        if not self._study.is_fully_drawn(trial):
            self._study.abandon(trial.number)
            self._locks.release(trial.number)
            return
        try:
            if not self._job_names(trial.number):
                self._plan_runs(trial, self._settings.seeds[:1])
            self._update_trial(trial)
        except ConfigError as error:  # the corners of the space are valid, this point is not
            print_line(f"trial {trial.number}: {error}")
            self._end_trial(trial.number, TrialOutcome(TrialState.FAIL, reason=str(error)))

    def _update_trial(self, trial: FrozenTrial) -> None:
        """Reports to the study how the trial ended, or queues its next runs."""
        runs = self._runs(trial.number)
        seeds = self._settings.seeds
        counted = [run for run in runs if self._counts(trial, run)]
        if outcome := decide_outcome(counted, len(seeds)):
            self._end_trial(trial.number, outcome)
        elif runs[0].has_result and len(runs) < len(seeds):
            self._plan_runs(trial, seeds[len(runs) :])
            self._update_trial(trial)
        else:
            left = [run.job for run in runs if not run.has_result and self._is_owner(trial, run)]
            self._queue.extend(job for job in left if job.name not in self._queued)
            self._queued |= {job.name for job in left}

    def _end_trial(self, number: int, outcome: TrialOutcome) -> None:
        self._study.tell(number, outcome)
        self._locks.release(number)

    def _job_names(self, number: int) -> list[str]:
        return self._settings.made.get(str(number), [])

    def _runs(self, number: int) -> list[JobState]:
        names = self._job_names(number)
        return [job_state(self._sweep, self._plan.get_job(name)) for name in names]

    def _is_owner(self, trial: FrozenTrial, run: JobState) -> bool:
        """Whether the trial is the first of those with equal values, which share the run."""
        made = self._settings.made.items()
        return trial.number == min(int(n) for n, names in made if run.job.name in names)

    def _counts(self, trial: FrozenTrial, run: JobState) -> bool:
        """Whether a run's outcome counts; one that failed in an earlier session is run again."""
        current = run.job.name in self._queued or not self._is_owner(trial, run)
        return run.status != RunStatus.FAILED or current

    def _plan_runs(self, trial: FrozenTrial, seeds: Sequence[int]) -> None:
        """Adds runs to the plan, unless one with the same configuration is in it."""
        jobs, values = list(self._plan.jobs), self._study.format_values(trial)
        names: list[str] = []
        several = len(self._settings.seeds) > 1
        for seed in seeds:
            point = compose_run(self._settings.words, values, seed, self._settings.config_dir)
            identity = compute_identity(point.config)
            job = next((job for job in jobs if job.identity == identity), None)
            if job is None:
                name = make_job_name(trial.number, values, seed if several else None)
                job = Job(name, identity, point.overrides, point.choices, point.config)
                jobs.append(job)
            names.append(job.name)
        self._write_plan(jobs, {str(trial.number): [*self._job_names(trial.number), *names]})

    def _write_plan(self, jobs: list[Job], made: Mapping[str, list[str]]) -> None:
        all_made = {**self._settings.made, **made}
        self._settings = replace(self._settings, made=all_made)
        self._plan = SweepPlan(self._plan.words, jobs, asdict(self._settings))
        self._plan.write(self._sweep)

    def _retry_failed(self) -> None:
        """Queues a retry of each trial that failed in an earlier session."""
        made = dict(self._settings.made)
        for trial in self._study.failed():
            runs = self._runs(trial.number)  # none if its point could not be composed
            if not runs or any(run.status == RunStatus.FAILED for run in runs):
                self._study.retry(trial)
        for number in self._study.retried():
            made.pop(str(number), None)
        if made != self._settings.made:
            self._settings = replace(self._settings, made={})
            self._write_plan(self._plan.jobs, made)
