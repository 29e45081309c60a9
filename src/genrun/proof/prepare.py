"""Prepares a proof: composes, checks and measures everything before a folder is created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genrun.config.compose import Composed
from genrun.core.errors import ConfigError
from genrun.proof.budget import RunBudget, budget_overrides
from genrun.proof.cost import describe_unequal_costs, estimate_cost
from genrun.proof.options import ProveOptions
from genrun.proof.step_cost import StepCost, measure_step_costs
from genrun.proof.trials import (
    EnteredContestant,
    SharedSettings,
    compose_trials,
    enter_contestants,
    tuning_jobs,
)
from genrun.results.proof_file import Cost
from genrun.sweeps.launch import fork_server
from genrun.sweeps.launch.process_pool import OWN_LAUNCHER
from genrun.sweeps.launch.resources import JobResources, allocate, available_cores
from genrun.sweeps.plan import Job, compute_identity
from genrun.sweeps.preflight import build_signature, check_launcher

LAST_SEED = 2**63 - 1
Points = dict[str, list[Composed]]  # each trial by label
StepCosts = dict[str, list[StepCost]]  # of each trial by label


@dataclass(frozen=True)
class Prepared:
    """Everything that a proof needs to begin."""

    shared: SharedSettings
    entries: list[EnteredContestant]
    jobs: list[Job]  # of the tuning stage
    names: dict[str, list[list[str]]]  # of each trial's jobs, by label
    tuning_seeds: list[int]
    seeds: list[int]  # fresh ones
    monitor: str
    costs: dict[str, Cost]
    checkpoint: int  # bytes of the largest
    warnings: list[str]
    at_once: int | None  # jobs; None: decided by another launcher
    folder: Path
    plugins: list[str]


def prepare(options: ProveOptions) -> Prepared:
    """Composes, builds and times all trials. Raises the first error of each wrong trial."""
    shared, entries, plain = enter_contestants(options)
    tuning_seeds, seeds = _seeds(shared.seed, options.tuning_seeds, options.seeds)
    points = _points(options, shared, entries, plain)
    launcher = plain[0].launcher
    jobs, names = tuning_jobs(points, tuning_seeds)
    check_launcher(launcher, jobs)
    share, at_once = _share(launcher, jobs)
    measured = _measure(points, share)
    monitor = _same_monitor(measured)
    if options.budget is not None and options.budget.needs_measuring:
        points = _points(options, shared, entries, plain, measured)
        jobs, names = tuning_jobs(points, tuning_seeds)
        measured = {label: _with_steps(points[label], own) for label, own in measured.items()}
    costs = {}
    for label, own in points.items():
        once = {
            compute_identity(p.config): (p, m) for p, m in zip(own, measured[label], strict=True)
        }
        each = (len(tuning_seeds), len(seeds), options.budget)
        costs[label] = estimate_cost(list(once.values()), measured[label][0], *each)
    return Prepared(
        shared=shared,
        entries=entries,
        jobs=jobs,
        names=names,
        tuning_seeds=tuning_seeds,
        seeds=seeds,
        monitor=monitor,
        costs=costs,
        checkpoint=max(found.checkpoint for own in measured.values() for found in own),
        warnings=list(_warnings(options, entries, costs, at_once)),
        at_once=at_once,
        folder=plain[0].sweep_folder.absolute(),
        plugins=[str(name) for name in plain[0].config["plugins"]],
    )


def _seeds(first: int, tuning: int, fresh: int) -> tuple[list[int], list[int]]:
    """Consecutive seeds; those of the last stage are never used in tuning."""
    if first + tuning + fresh > LAST_SEED:
        raise ConfigError(
            f"seed={first}: must be at most {LAST_SEED - tuning - fresh}, "
            f"so that {tuning + fresh} seeds follow"
        )
    after = first + tuning
    return list(range(first, after)), list(range(after, after + fresh))


def _points(
    options: ProveOptions,
    shared: SharedSettings,
    entries: Sequence[EnteredContestant],
    plain: Sequence[Composed],
    measured: StepCosts | None = None,
) -> Points:
    """Composes every trial; without the budget while it needs measurements that are not made."""
    budget = options.budget
    if budget is not None and budget.needs_measuring and measured is None:
        budget = None
    extra = {}
    for entry, composed in zip(entries, plain, strict=True):
        label = entry.contestant.label
        takes: Sequence[StepCost | None] = [None] * len(entry.trials)
        takes = takes if measured is None else measured[label]
        extra[label] = [budget_overrides(budget, composed.config, one, label) for one in takes]
    return compose_trials(entries, shared, extra, options.config_dir)


def _share(launcher: Mapping[str, Any], jobs: Sequence[Job]) -> tuple[JobResources, int | None]:
    """The resources of each job, and how many run in parallel."""
    if launcher["_target_"] != OWN_LAUNCHER:
        return JobResources(available_cores(), None), None
    slots = allocate(jobs, launcher["jobs"], fork_server.count_gpus(), len(jobs))
    return slots.take()[1], slots.count


def _measure(points: Points, share: JobResources) -> StepCosts:
    found = measure_step_costs(points, share)
    return {
        label: [found[build_signature(point.config)] for point in own]
        for label, own in points.items()
    }


def _same_monitor(measured: StepCosts) -> str:
    """Returns the monitor. Raises `ConfigError` if contestants have different ones."""
    monitors = {label: own[0].monitor for label, own in measured.items()}
    if len(set(monitors.values())) > 1:
        each = ", ".join(f"{label} by {monitor}" for label, monitor in monitors.items())
        raise ConfigError(
            f"contestants: are judged by different metrics ({each}); give monitor=NAME, one that "
            "all have"
        )
    return next(iter(monitors.values()))


def _with_steps(points: Sequence[Composed], measured: Sequence[StepCost]) -> list[StepCost]:
    pairs = zip(points, measured, strict=True)
    return [replace(found, steps=int(point.config["steps"])) for point, found in pairs]


def _warnings(
    options: ProveOptions,
    entries: Sequence[EnteredContestant],
    costs: Mapping[str, Cost],
    at_once: int | None,
) -> list[str]:
    budget: RunBudget | None = options.budget
    found = [
        f"{entry.contestant.label} has nothing to tune, so all its trials are one; "
        f"'space.{entry.contestant.label}.KEY=log A..B' gives it a space"
        for entry in entries
        if len(entry.trials) < options.trials
    ]
    by_flops = budget is not None and budget.unit in ("flops", "seconds")
    if not by_flops and (sentence := describe_unequal_costs(costs)):
        found.append(sentence)
    if budget is not None and budget.unit == "seconds" and at_once != 1:
        found.append(
            "seconds are of a machine that runs several jobs at once; hydra.launcher.jobs=1 "
            "measures each alone"
        )
    return found
