"""Stopping policies of an experiment: built, completed and checked against what is measured."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrun.core.errors import ConfigError
from genrun.core.log_names import STANDARD_ERROR
from genrun.core.protocols.model import Model
from genrun.core.protocols.stopping import (
    ComparesTrials,
    LimitsFlops,
    Monitors,
    MonitorsWithError,
    Stopper,
    WatchesLoss,
)
from genrun.core.types import State, StepReport
from genrun.experiment.instantiate import Config, instantiate
from genrun.training.meters.flops import FlopsUnknown, count_step_flops
from genrun.training.step import TrainingStep

if TYPE_CHECKING:
    from genrun.runs.optuna_journal import OpenedTrial


@dataclass(frozen=True)
class TrialStopper:
    """A policy that compares trials, and the trial of an opened study that it decides about."""

    policy: ComparesTrials
    open_trial: Callable[[], OpenedTrial]

    @classmethod
    def from_settings(cls, policy: ComparesTrials) -> TrialStopper:
        """Opens the journal and trial that the policy's settings name, at the first report."""
        assert policy.study is not None
        assert policy.trial is not None
        return cls(policy, functools.partial(_open_trial, policy.study, policy.trial))

    def start(self) -> State:
        return self.policy.start()

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        return self.policy.observe_trial(self.open_trial, state, report)

    def describe(self, state: State) -> str:
        return self.policy.describe(state)


@functools.lru_cache(maxsize=4)  # a journal is read once, then only what was added to it
def _open_trial(journal: str, number: int) -> OpenedTrial:
    from genrun.runs.optuna_journal import OpenedTrial, open_study  # needs Optuna

    opened = open_study(Path(journal))
    return OpenedTrial(opened, opened.get_trial_id(number))


def build_stoppers(
    config: Config, model: Model, monitor: str, names: Sequence[str], plugins: Sequence[str]
) -> dict[str, Stopper]:
    """Returns the policies by name.

    A policy that names no metric gets the run's `monitor`, one that names no player the model's
    only one. `names` are the held-out values that are measured. Raises `ConfigError` if a policy
    needs another one.
    """
    stoppers: dict[str, Stopper] = {}
    for name, settings in config["stopping"].items():
        key = f"stopping.{name}"
        policy = instantiate("stopping", settings, plugins, key)
        if isinstance(policy, Monitors):
            policy = _replace(policy, monitor=_monitor(policy, key, monitor, names))
        if isinstance(policy, WatchesLoss):
            policy = _replace(policy, player=_player(policy, key, model))
        if isinstance(policy, ComparesTrials):
            policy = TrialStopper.from_settings(policy)
        stoppers[name] = policy
    return stoppers


def _replace(policy: Any, **values: str) -> Any:
    return dataclasses.replace(policy, **values)


def _monitor(policy: Monitors, key: str, default: str, names: Sequence[str]) -> str:
    monitor = policy.monitor or default
    if monitor not in names:
        raise ConfigError(
            f"{key}.monitor={monitor}: is never measured; the held-out metrics are "
            f"{', '.join(names)}"
        )
    if isinstance(policy, MonitorsWithError) and monitor + STANDARD_ERROR not in names:
        candidates = [name for name in names if name + STANDARD_ERROR in names]
        raise ConfigError(
            f"{key}.monitor={monitor}: has no standard error, as it is no mean over several "
            f"images; metrics that have one: {', '.join(candidates) or 'none here'}"
        )
    return monitor


def _player(policy: WatchesLoss, key: str, model: Model) -> str:
    players = [player.name for player in model.players()]
    if policy.player in players:
        return policy.player
    if policy.player is None and len(players) == 1:
        return players[0]
    value = "null" if policy.player is None else policy.player
    raise ConfigError(f"{key}.player={value}: must be {' or '.join(players)}")


def count_flops(step: TrainingStep, stoppers: Mapping[str, Stopper]) -> int | None:
    """Returns the FLOPs of a step, or None if they cannot be counted and no policy limits them.

    Raises `ConfigError` if a policy limits them.
    """
    try:
        return count_step_flops(step)
    except FlopsUnknown as error:
        for name, stopper in stoppers.items():
            if isinstance(stopper, LimitsFlops) and stopper.flops is not None:
                raise ConfigError(
                    f"stopping.{name}.flops={stopper.flops:g}: the FLOPs of a step cannot be "
                    f"counted here ({error})"
                ) from error
        return None
