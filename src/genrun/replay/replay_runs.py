"""All sets of policies over all runs of a workload, each run's log read once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.core.protocols.stopping import ComparesTrials, Monitors
from genrun.replay.outcome import Outcome, judged, outcome
from genrun.replay.policies import Policy, PolicySet, fitted
from genrun.replay.pruner import PrunerReplay
from genrun.replay.replay_policy import Decision, first, replay
from genrun.replay.run_log import Log, read_log
from genrun.results.curve import Axis
from genrun.results.grouping import Workload
from genrun.results.record import RunRecord


@dataclass
class Replayed:
    """Outcomes by set, one a run; what could not be replayed, and why."""

    outcomes: dict[PolicySet, list[Outcome]]
    unsuited: dict[Policy, str] = field(default_factory=dict)  # why a policy was left out
    notes: list[str] = field(default_factory=list)
    watched: dict[PolicySet, set[str]] = field(default_factory=dict)  # what its policies go by


def replay_workload(
    workload: Workload, sets: Sequence[PolicySet], axis: Axis, advance: Callable[[int], None]
) -> Replayed:
    """Replays every set over every run, in the order in which these started.

    Raises `ConfigError` where a policy that was asked for by name does not suit a run, or a run
    does not say what it spent on the axis.
    """
    found = Replayed({each: [] for each in sets}, watched={each: set() for each in sets})
    policies = list(dict.fromkeys(policy for each in sets for policy in each.policies))
    searches: dict[Policy, PrunerReplay] = {}
    for run in sorted(workload.records, key=lambda run: (run.started, run.name)):
        advance(1)
        if not judged(run, workload.metric):
            found.notes.append(f"{run.name}: never measured {workload.metric}; left out")
            continue
        try:
            log = read_log(run)
        except CheckpointUnusable as error:
            found.notes.append(f"left out: {error}")
            continue
        if math.isnan(log.spent(axis, log.rows[-1].step)):
            raise ConfigError(f"axis={axis}: {run.name} does not say its {axis}")
        decisions = _decisions(policies, run, log, searches, found)
        for each in sets:
            if not any(policy in found.unsuited for policy in each.policies):
                decision = first([decisions[policy] for policy in each.policies])
                made = outcome(run, log, decision, workload.metric, axis)
                found.outcomes[each].append(made)
                found.watched[each] |= _watched(each, run)
    return found


def _decisions(
    policies: Sequence[Policy],
    run: RunRecord,
    log: Log,
    searches: dict[Policy, PrunerReplay],
    found: Replayed,
) -> dict[Policy, Decision | None]:
    decisions: dict[Policy, Decision | None] = {}
    for policy in policies:
        if policy in found.unsuited:
            continue
        try:
            decisions[policy] = _decide(policy, run, log, searches)
        except ConfigError as error:
            said = str(error) if run.name in str(error) else f"{error} ({run.name})"
            if policy.asked:
                raise ConfigError(said) from error
            found.unsuited[policy] = said
    return decisions


def _decide(
    policy: Policy, run: RunRecord, log: Log, searches: dict[Policy, PrunerReplay]
) -> Decision | None:
    key = f"stopping.{policy.name}"
    stopper = fitted(policy.stopper, key, run, log)
    if isinstance(stopper, ComparesTrials):
        if policy not in searches:
            searches[policy] = PrunerReplay()
        return searches[policy].replay(stopper, run, log)
    try:
        return replay(stopper, log)
    except (ValueError, ArithmeticError) as error:  # values that no training would give
        raise ConfigError(f"{key}: cannot be computed for {run.name} ({error})") from error


def _watched(policies: PolicySet, run: RunRecord) -> set[str]:
    """The held-out metrics that a set goes by in a run."""
    stoppers = (policy.stopper for policy in policies.policies)
    return {s.monitor or run.monitor or "" for s in stoppers if isinstance(s, Monitors)}
