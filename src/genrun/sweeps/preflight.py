"""Checks of a sweep's jobs before anything is created."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genrun.core.errors import GenrunError
from genrun.core.plotting import import_beforehand
from genrun.runs.disk_space import check_disk_space
from genrun.sweeps.launch import fork_server
from genrun.sweeps.launch.process_pool import OWN_LAUNCHER, read_job_limits
from genrun.sweeps.launch.resources import max_concurrent
from genrun.sweeps.plan import Job

MAX_LISTED = 10  # of the invalid points


def check_launcher(settings: Mapping[str, Any], jobs: Sequence[Job]) -> None:
    """Raises `ConfigError` if a setting of genrun's own launcher is out of range."""
    if settings["_target_"] == OWN_LAUNCHER:
        read_job_limits(settings)
        max_concurrent(jobs, settings["jobs"])


def check_jobs(jobs: Sequence[Job], folder: Path, count: int) -> None:
    """Checks that the jobs can be built and that `count` of them fit on the disk of `folder`.

    One job of each `build_signature` is built, in a forked process. Call it only if the jobs run
    on this machine, which has their devices and data. Raises `GenrunError` listing all errors,
    with the exit code of the first.
    """
    distinct = list({build_signature(job.config): job for job in jobs}.values())
    size, answers = fork_server.check_jobs(
        [(job.config, job.choices) for job in distinct], meanwhile=import_beforehand
    )
    pairs = zip(distinct, answers, strict=False)  # no answers after a crash
    if errors := [(job.name, code, text) for job, (code, text) in pairs if text]:
        texts = [f"{name}: {text}" if len(distinct) > 1 else text for name, _, text in errors]
        error = GenrunError(join_messages(texts))
        error.exit_code = errors[0][1]
        raise error
    check_disk_space(folder, size, count)


def join_messages(texts: Sequence[str]) -> str:
    """Returns one line with all messages, or the first ten of them and the number of the rest."""
    if len(texts) == 1:
        return texts[0]
    more = f"; and {len(texts) - MAX_LISTED} more" if len(texts) > MAX_LISTED else ""
    return f"{len(texts)} points: " + "; ".join(texts[:MAX_LISTED]) + more


def build_signature(config: Mapping[str, Any]) -> str:
    """Returns the part of a configuration that decides whether a job can be built, as text.

    Seeds and fractions are left out: composing has checked them against their limits.
    """

    def strip(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: strip(inner) for name, inner in value.items() if name != "seed"}
        if isinstance(value, list):
            return [strip(inner) for inner in value]
        return None if isinstance(value, float) else value

    return json.dumps(strip(config), sort_keys=True)
