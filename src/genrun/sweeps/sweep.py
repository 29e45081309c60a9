"""A sweep from its command line to its summary: plan, check, launch; and going on with one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from genrun.config.compose import Composed, compose_each
from genrun.config.hydra_main import flags_of, quote_path, run_under_hydra
from genrun.config.multirun import plain_words, split_sweep, with_seeds
from genrun.core.errors import ConfigError, SweepFailed, SweepPaused
from genrun.core.process_rank import check_single_process
from genrun.core.protocols.tracker import ONLINE
from genrun.core.status import RunStatus
from genrun.runs.files import claim_folder
from genrun.runs.lock import lock_folder
from genrun.sweeps.job_state import job_states
from genrun.sweeps.launch import fork_server
from genrun.sweeps.launch.hydra_task import task
from genrun.sweeps.plan import SweepPlan, make_jobs, read_plan
from genrun.sweeps.preflight import OWN_LAUNCHER, check_here, check_launcher, listed
from genrun.sweeps.pruner_study import refuse_outside
from genrun.sweeps.search.search import TRIALS, begin_search, is_search, resume_search
from genrun.terminal.tables import print_line

NOT_THE_LAUNCHERS = ("hydra/sweeper", "hydra.sweeper", "hydra.sweep", "hydra.run")


def sweep(words: Sequence[str], config_dir: str | None) -> int:
    """Runs `genrun -m`. Raises `SweepFailed` where jobs failed, `SweepPaused` where it stopped."""
    if not any(word.startswith("hydra/launcher=") for word in words):
        fork_server.warm_up()  # it imports torch while the points are composed
    kept = with_seeds(words)
    refuse_online(kept)
    if is_search(kept, config_dir):
        return _launch(*begin_search(words, kept, config_dir), config_dir)
    points = _valid(compose_each(split_sweep(kept, config_dir), config_dir))
    jobs, repeated = make_jobs(points)
    first = points[0]
    for job in jobs:
        refuse_outside(job.config)
    check_launcher(first.launcher, jobs)
    wanted = first.sweep_folder.absolute()
    if first.launcher["_target_"] == OWN_LAUNCHER:
        check_here(jobs, wanted, len(jobs))
    folder = claim_folder(wanted)
    if folder != wanted:
        print_line(f"{wanted.name} is there already; this sweep is {folder.name}")
    if repeated:
        print_line(f"given twice, tried once: {'; '.join(repeated)}")
    with lock_folder(folder):
        plan = SweepPlan(list(words), jobs)
        plan.write(folder)
        return _launch(folder, plan, plain_words(kept), config_dir)


def refuse_online(words: Sequence[str]) -> None:
    """A plan may be a stranger's, so that its jobs track offline whatever it says."""
    for word in words:
        if word.lstrip("+").startswith("tracker.") and ONLINE in word.partition("=")[2]:
            raise ConfigError(
                f"{word}: a sweep's jobs are tracked offline; send them when they have ended "
                "(wandb sync)"
            )


def resume_sweep(folder: Path, words: Sequence[str], part_of: Path | None = None) -> int:
    """Runs what a sweep still misses; `words` may choose another launcher, or list plugins.

    Of a search they may also say how many trials there are to be. `part_of` is the folder of
    something larger, which says itself what the sweep found, and is what to go on with.
    """
    check_single_process("genrun resume of a sweep")
    plan = read_plan(folder)
    more = [word for word in words if plan.search is not None and word.startswith(TRIALS)]
    words = [word for word in words if word not in more]
    for word in words:
        if not word.lstrip("+").startswith(("hydra/launcher=", "hydra.launcher.", "plugins=")):
            raise ConfigError(
                f"{word}: a sweep is resumed as it was planned; only hydra/launcher, "
                "hydra.launcher.KEY and plugins may be given"
            )
    (composed,) = _valid(compose_each([words], None))
    check_launcher(composed.launcher, plan.jobs)
    if plan.search is not None:
        resume_search(folder, more)
    # several processes may go on with one search: they take turns to ask and to plan
    with nullcontext() if plan.search else lock_folder(folder):
        return _launch(folder.absolute(), plan, words, None, part_of)


def _valid(points: Sequence[Composed | ConfigError]) -> list[Composed]:
    """Raises `ConfigError` with all the points that cannot be: none is started."""
    wrong = list(dict.fromkeys(str(point) for point in points if isinstance(point, ConfigError)))
    if wrong:
        raise ConfigError(listed(wrong))
    return [point for point in points if isinstance(point, Composed)]


def _launch(
    folder: Path,
    plan: SweepPlan,
    words: Sequence[str],
    config_dir: str | None,
    part_of: Path | None = None,
) -> int:
    """Under Hydra, whose launcher is the user's choice; then the summary, however it ended."""
    own = [
        *(word for word in words if not word.lstrip("+").startswith(NOT_THE_LAUNCHERS)),
        "hydra/sweeper=planned",
        f"hydra.sweep.dir={quote_path(folder)}",
        "hydra.output_subdir=null",  # Hydra would write its own defaults, not the job's settings
    ]
    try:
        run_under_hydra(["-m", *flags_of(config_dir)], own, task, folder)
    except KeyboardInterrupt:
        print_line(f"left at once; go on with: genrun resume {part_of or folder}")
        raise
    finally:
        plan = read_plan(folder)  # a search's has grown
        failed, missing = _summarize(folder, plan, shown=part_of is None)
    total = f"{plan.search['trials']} trials" if plan.search else f"{len(plan.jobs)} jobs"
    if missing:
        raise SweepPaused(f"{missing} of {total} are left: genrun resume {folder}")
    if failed:
        raise SweepFailed(f"{failed} of {total} failed; {folder} has the others")
    return 0


def _summarize(folder: Path, plan: SweepPlan, shown: bool) -> tuple[int, int]:
    """Writes the summary, `shown` or not; gives how many jobs failed, and how many have none."""
    from genrun.results.summary.summary import show_summary, summarize

    rows = job_states(folder, plan.jobs)
    summary = summarize(folder, rows)
    if shown:
        show_summary(summary)
    if plan.search is not None:
        from genrun.results.summary.search import show_result

        return show_result(folder, plan)
    failed = sum(row.status.failed for row in rows)
    return failed, sum(not row.has_result and row.status != RunStatus.FAILED for row in rows)
