"""Creates a search, or prepares its resume; everything is checked before a file is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from genrun.config.compose import sweeper_of
from genrun.core.errors import ConfigError
from genrun.runs import layout
from genrun.runs.files import claim_folder
from genrun.sweeps.launch.launch import LaunchSettings
from genrun.sweeps.launch.process_pool import OWN_LAUNCHER
from genrun.sweeps.plan import Job, SweepPlan, read_plan
from genrun.sweeps.preflight import check_jobs, check_launcher
from genrun.sweeps.pruner_study import attach_study
from genrun.sweeps.search.settings import (
    SearchSettings,
    check_optuna,
    check_settings,
    max_trials,
    split_overrides,
)
from genrun.sweeps.search.space import parse_dimension
from genrun.sweeps.search.trial_configs import MIDDLE, compose_corners
from genrun.sweeps.search.trial_locks import search_lock

SEARCH_SWEEPER = "hydra_plugins.genrun_plugins.SearchSweeper"
TRIALS_KEY = "hydra.sweeper.trials="
SWEEPER_PREFIXES = (  # of overrides that may choose a sweeper
    "hydra/sweeper", "hydra.sweeper", "sweep=", "experiment=",
)  # fmt: skip


def is_search(words: Sequence[str], config_dir: str | None) -> bool:
    """Whether a command line chooses a sweeper that searches. Raises `ConfigError`."""
    if not any(word.lstrip("+").startswith(SWEEPER_PREFIXES) for word in words):
        return False
    sweeper = sweeper_of(split_overrides(words).base, config_dir)
    if sweeper["_target_"] != SEARCH_SWEEPER and sweeper.get("space"):
        raise ConfigError("hydra.sweeper.space: needs a sweeper that searches: hydra/sweeper=tpe")
    return bool(sweeper["_target_"] == SEARCH_SWEEPER)


def create_search(
    typed: Sequence[str], words: Sequence[str], config_dir: str | None
) -> tuple[Path, SweepPlan, LaunchSettings]:
    """Creates a search; returns its folder, its plan, and what runs its jobs.

    `typed` is the command line, which the plan records, `words` the same with `sweep.seeds`
    replaced. Raises `ConfigError`; then nothing has been created.
    """
    check_optuna()
    overrides = split_overrides(words)
    sweeper = sweeper_of(overrides.base, config_dir)
    space, trials = check_settings(sweeper, overrides)
    dimensions = {key: parse_dimension(key, text) for key, text in space.items()}
    corners = compose_corners(overrides.base, dimensions, config_dir)
    middle = corners[MIDDLE]
    folder = middle.sweep_folder.absolute()
    jobs = [
        Job(" ".join(point.overrides[len(overrides.base) :]), "", [], point.choices, config)
        for point in corners
        if (config := attach_study(point.config, layout.JOURNAL, 0))
    ]
    check_launcher(middle.launcher, jobs)
    if middle.launcher["_target_"] == OWN_LAUNCHER:
        check_jobs(jobs, folder, trials * sweeper["seeds"])
    first = middle.config["seed"]
    settings = SearchSettings(
        sampler=sweeper["sampler"],
        trials=trials,
        seeds=[int(seed) for seed in overrides.seeds]
        or list(range(first, first + sweeper["seeds"])),
        seed=sweeper["seed"],
        batch=sweeper["batch"],
        space=space,
        words=[word for word in overrides.base if not word.lstrip("+").startswith("hydra")],
        config_dir=None if config_dir is None else str(Path(config_dir).absolute()),
    )
    launch = LaunchSettings.from_composed(middle, overrides.base, config_dir)
    return *_write_search(folder, list(typed), settings), launch


def _write_search(
    path: Path, words: list[str], settings: SearchSettings
) -> tuple[Path, SweepPlan]:
    from genrun.runs.optuna_journal import create_study

    folder = claim_folder(path)
    plan = SweepPlan(words, [], asdict(settings))
    plan.write(folder)
    create_study(folder / layout.JOURNAL)
    return folder, plan


def prepare_resume(folder: Path, words: Sequence[str]) -> None:
    """Checks that a search can be resumed, and records the number of trials that `words` set.

    Raises `ConfigError` if they set it too low or too high, and what `open_study` raises.
    """
    from genrun.runs.optuna_journal import open_study

    check_optuna()
    settings = SearchSettings.from_plan(read_plan(folder))
    if settings.made:
        open_study(folder / layout.JOURNAL)
    for word in words:
        text, largest = word.removeprefix(TRIALS_KEY), max_trials(settings)
        if not text.isdecimal() or not settings.trials <= int(text) <= largest:
            raise ConfigError(f"{word}: must be an integer from {settings.trials} to {largest}")
        with search_lock(folder):
            plan = read_plan(folder)
            search = asdict(replace(SearchSettings.from_plan(plan), trials=int(text)))
            SweepPlan(plan.words, plan.jobs, search).write(folder)
