"""All sets of policies replayed over all runs of a workload; each run's log is read once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.core.protocols.stopping import ComparesTrials, Monitors
from genrun.replay.outcome import ReplayOutcome, build_outcome, has_held_out_values
from genrun.replay.policies import Policy, PolicySet, bind_to_run
from genrun.replay.pruner import PrunerReplay
from genrun.replay.replay_policy import Decision, earliest_stop, replay_policy
from genrun.replay.run_log import ReplayLog, read_log
from genrun.results.curve import Axis
from genrun.results.grouping import Workload
from genrun.results.record import RunRecord


@dataclass
class ReplayedWorkload:
    """The outcomes of a workload's runs by set, and what could not be replayed."""

    label: str
    metric: str
    outcomes: dict[PolicySet, list[ReplayOutcome]]  # one for each run
    watched: dict[PolicySet, set[str]]  # held-out metrics that its policies monitor
    incompatible: dict[Policy, str] = field(default_factory=dict)  # with the reason
    notes: list[str] = field(default_factory=list)


def replay_workload(
    workload: Workload, sets: Sequence[PolicySet], axis: Axis, advance: Callable[[int], None]
) -> ReplayedWorkload:
    """Replays every set over every run, in the order of their start.

    Raises `ConfigError` if a policy that was requested by name is incompatible with a run, or a
    run's cost on the axis is unknown.
    """
    replayed = ReplayedWorkload(
        workload.label,
        workload.metric,
        outcomes={policies: [] for policies in sets},
        watched={policies: set() for policies in sets},
    )
    unique = list(dict.fromkeys(policy for policies in sets for policy in policies.policies))
    pruners: dict[Policy, PrunerReplay] = {}
    for run in sorted(workload.records, key=lambda run: (run.started, run.name)):
        advance(1)
        if not has_held_out_values(run, workload.metric):
            replayed.notes.append(f"{run.name}: never measured {workload.metric}; left out")
            continue
        try:
            log = read_log(run)
        except CheckpointUnusable as error:
            replayed.notes.append(f"left out: {error}")
            continue
        if math.isnan(log.cost_at(axis, log.rows[-1].step)):
            raise ConfigError(f"axis={axis}: the {axis} of {run.name} are unknown")
        decisions = _decisions(unique, run, log, pruners, replayed)
        for policies in sets:
            if not any(policy in replayed.incompatible for policy in policies.policies):
                decision = earliest_stop([decisions[policy] for policy in policies.policies])
                outcome = build_outcome(run, log, decision, workload.metric, axis)
                replayed.outcomes[policies].append(outcome)
                replayed.watched[policies] |= _monitored(policies, run)
    return replayed


def _decisions(
    policies: Sequence[Policy],
    run: RunRecord,
    log: ReplayLog,
    pruners: dict[Policy, PrunerReplay],
    replayed: ReplayedWorkload,
) -> dict[Policy, Decision | None]:
    """The decision of each policy; policies that turn out to be incompatible are recorded."""
    decisions: dict[Policy, Decision | None] = {}
    for policy in policies:
        if policy in replayed.incompatible:
            continue
        try:
            decisions[policy] = _decide(policy, run, log, pruners)
        except ConfigError as error:
            message = str(error) if run.name in str(error) else f"{error} ({run.name})"
            if policy.is_required:
                raise ConfigError(message) from error
            replayed.incompatible[policy] = message
    return decisions


def _decide(
    policy: Policy, run: RunRecord, log: ReplayLog, pruners: dict[Policy, PrunerReplay]
) -> Decision | None:
    key = f"stopping.{policy.name}"
    stopper = bind_to_run(policy.stopper, key, run, log)
    if isinstance(stopper, ComparesTrials):
        if policy not in pruners:
            pruners[policy] = PrunerReplay()
        return pruners[policy].replay(stopper, run, log)
    try:
        return replay_policy(stopper, log)
    except (ValueError, ArithmeticError) as error:  # values that no training produces
        raise ConfigError(f"{key}: cannot be computed for {run.name} ({error})") from error


def _monitored(policies: PolicySet, run: RunRecord) -> set[str]:
    """The held-out metrics that the policies of a set monitor in a run."""
    stoppers = (policy.stopper for policy in policies.policies)
    return {s.monitor or run.monitor or "" for s in stoppers if isinstance(s, Monitors)}
