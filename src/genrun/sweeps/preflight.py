"""Whether a sweep's jobs can be, asked before anything is created."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genrun.core.errors import GenrunError
from genrun.core.plotting import import_beforehand
from genrun.runs.disk_space import check_disk_space
from genrun.sweeps.launch import fork_server
from genrun.sweeps.launch.process_pool import OWN_LAUNCHER, job_limits
from genrun.sweeps.launch.resources import max_concurrent
from genrun.sweeps.plan import Job

MOST_SHOWN = 10  # of the points that cannot be


def check_launcher(settings: Mapping[str, Any], jobs: Sequence[Job]) -> None:
    """Raises `ConfigError` where genrun's own launcher is told what cannot be."""
    if settings["_target_"] == OWN_LAUNCHER:
        job_limits(settings)
        max_concurrent(jobs, settings["jobs"])


def check_here(jobs: Sequence[Job], wanted: Path, count: int) -> None:
    """Builds every job that may differ in whether it can be, in a process forked for that.

    Only where jobs run on this machine, whose devices and data they find. `count` jobs need room
    on the disk. Raises what was wrong, with the list where it is several.
    """
    distinct = list({shape_of(job.config): job for job in jobs}.values())
    size, answers = fork_server.check(
        [(job.config, job.choices) for job in distinct], meanwhile=import_beforehand
    )
    pairs = zip(distinct, answers, strict=False)  # none after one that ended the process
    if wrong := [(job.name, code, text) for job, (code, text) in pairs if text]:
        texts = [f"{name}: {text}" if len(distinct) > 1 else text for name, _, text in wrong]
        error = GenrunError(listed(texts))
        error.exit_code = wrong[0][1]
        raise error
    check_disk_space(wanted, size, count)


def listed(texts: Sequence[str]) -> str:
    """One line for all that is wrong."""
    if len(texts) == 1:
        return texts[0]
    more = f"; and {len(texts) - MOST_SHOWN} more" if len(texts) > MOST_SHOWN else ""
    return f"{len(texts)} points: " + "; ".join(texts[:MOST_SHOWN]) + more


def shape_of(config: Mapping[str, Any]) -> str:
    """What decides whether a job can be built: neither its seed nor a fraction does.

    Those were held to their limits when the job was composed.
    """

    def without(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: without(inner) for name, inner in value.items() if name != "seed"}
        if isinstance(value, list):
            return [without(inner) for inner in value]
        return None if isinstance(value, float) else value

    return json.dumps(without(config), sort_keys=True)
