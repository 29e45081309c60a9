"""Starting and resuming a search; everything is checked before anything is created."""

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
from genrun.sweeps.preflight import check_here, check_launcher
from genrun.sweeps.pruner_study import joined
from genrun.sweeps.search.settings import (
    Settings,
    check_optuna,
    check_settings,
    most_trials,
    settings_of,
    take_apart,
)
from genrun.sweeps.search.space import dimension
from genrun.sweeps.search.trial_configs import MIDDLE, check_corners
from genrun.sweeps.search.trial_locks import search_lock

TARGET = "hydra_plugins.genrun_plugins.SearchSweeper"
TRIALS_KEY = "hydra.sweeper.trials="
MAY_CHOOSE = ("hydra/sweeper", "hydra.sweeper", "sweep=", "experiment=")


def is_search(words: Sequence[str], config_dir: str | None) -> bool:
    """Whether the words choose a sweeper that searches. Raises `ConfigError`."""
    if not any(word.lstrip("+").startswith(MAY_CHOOSE) for word in words):
        return False
    sweeper = sweeper_of(take_apart(words).base, config_dir)
    if sweeper["_target_"] != TARGET and sweeper.get("space"):
        raise ConfigError("hydra.sweeper.space: needs a sweeper that searches: hydra/sweeper=tpe")
    return bool(sweeper["_target_"] == TARGET)


def create_search(
    typed: Sequence[str], words: Sequence[str], config_dir: str | None
) -> tuple[Path, SweepPlan, LaunchSettings]:
    """Returns the folder and the plan of a new search, and what runs its jobs.

    `typed` is the command line, which the plan records, `words` what it stands for. Raises
    `ConfigError`.
    """
    check_optuna()
    apart = take_apart(words)
    sweeper = sweeper_of(apart.base, config_dir)
    space, trials = check_settings(sweeper, apart)
    dimensions = {key: dimension(key, text) for key, text in space.items()}
    corners = check_corners(apart.base, dimensions, config_dir)
    middle = corners[MIDDLE]
    wanted = middle.sweep_folder.absolute()
    jobs = [
        Job(" ".join(point.overrides[len(apart.base) :]), "", [], point.choices, config)
        for point in corners
        if (config := joined(point.config, layout.JOURNAL, 0))
    ]
    check_launcher(middle.launcher, jobs)
    if middle.launcher["_target_"] == OWN_LAUNCHER:
        check_here(jobs, wanted, trials * sweeper["seeds"])
    first = middle.config["seed"]
    settings = Settings(
        sampler=sweeper["sampler"],
        trials=trials,
        seeds=[int(seed) for seed in apart.seeds] or list(range(first, first + sweeper["seeds"])),
        seed=sweeper["seed"],
        batch=sweeper["batch"],
        space=space,
        words=[word for word in apart.base if not word.lstrip("+").startswith("hydra")],
        config_dir=None if config_dir is None else str(Path(config_dir).absolute()),
    )
    launch = LaunchSettings.of(middle, apart.base, config_dir)
    return *_create(wanted, list(typed), settings), launch


def _create(wanted: Path, words: list[str], settings: Settings) -> tuple[Path, SweepPlan]:
    from genrun.runs.optuna_journal import create_study

    folder = claim_folder(wanted)
    plan = SweepPlan(words, [], asdict(settings))
    plan.write(folder)
    create_study(folder / layout.JOURNAL)
    return folder, plan


def check_resumable(folder: Path, words: Sequence[str]) -> None:
    """Checks that a search can be resumed, and records the number of trials the words ask for.

    Raises `ConfigError`, and what `open_study` raises.
    """
    from genrun.runs.optuna_journal import open_study

    check_optuna()
    settings = settings_of(read_plan(folder))
    if settings.made:
        open_study(folder / layout.JOURNAL)
    for word in words:
        text, most = word.removeprefix(TRIALS_KEY), most_trials(settings)
        if not text.isdecimal() or not settings.trials <= int(text) <= most:
            raise ConfigError(f"{word}: must be an integer from {settings.trials} to {most}")
        with search_lock(folder):
            plan = read_plan(folder)
            search = asdict(replace(settings_of(plan), trials=int(text)))
            SweepPlan(plan.words, plan.jobs, search).write(folder)
