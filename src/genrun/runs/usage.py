"""A run's resource usage, read from its folder; every number is checked."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from genrun.core.errors import CheckpointUnusable
from genrun.core.numbers import finite_number
from genrun.core.status import RunStatus
from genrun.core.usage import PHASES, ResourceUsage
from genrun.runs.folder import RunFolder

MOST = 1e18  # steps, examples, seconds, bytes or joules, so that sums stay finite
MOST_FLOPS = 1e30


def read_usage(folder: RunFolder, info: Mapping[str, Any]) -> ResourceUsage:
    """Returns the usage in run.json if the run ended or was interrupted, else that of its logs."""
    compute = _mapping(info.get("compute"))
    status = RunStatus(info.get("status", RunStatus.MISSING))
    recorded = status.ended or status == RunStatus.INTERRUPTED
    if recorded or "peak_memory_bytes" in compute:
        return usage_from_run_info(compute)
    if "environment" not in info:
        return ResourceUsage()  # it failed before it was built
    with contextlib.suppress(CheckpointUnusable):
        timings, rows = folder.timings(), folder.rows()
        examples = rows[-1].get("examples") if rows else compute.get("examples")
        if timings:
            return usage_from_timings(timings, examples, info.get("flops_a_step"))
    return usage_from_run_info(compute)


def usage_from_run_info(compute: Mapping[str, Any]) -> ResourceUsage:
    """Returns the usage in the entry `compute` of run.json."""
    peak = _mapping(compute.get("peak_memory_bytes"))
    return ResourceUsage(
        steps=parse_count(compute.get("steps")),
        examples=parse_count(compute.get("examples")),
        flops=parse_count(compute.get("flops"), MOST_FLOPS),
        seconds=_seconds(_mapping(compute.get("seconds"))),
        host_bytes=parse_count(peak.get("host")),
        device_bytes=parse_count(peak.get("device")),
        joules=_non_negative(compute.get("energy_joules")),
    )


def usage_from_timings(
    row: Mapping[str, Any], examples: Any = None, flops_per_step: Any = None
) -> ResourceUsage:
    """Returns the usage in a row of timings.jsonl."""
    steps, flops = parse_count(row.get("step")), parse_count(flops_per_step)
    return ResourceUsage(
        steps=steps,
        examples=parse_count(examples),
        flops=None if steps is None or flops is None else steps * flops,
        seconds=_seconds(row),
        host_bytes=parse_count(row.get("host_peak_bytes")),
        device_bytes=parse_count(row.get("device_peak_bytes")),
        joules=_non_negative(row.get("energy_joules")),
    )


def usage_before_resume(
    info: Mapping[str, Any], row: Mapping[str, Any], step: int
) -> ResourceUsage:
    """Returns the usage until the checkpoint of `step`, from which a run resumes.

    `row` is the last row of timings until that step; run.json is used if the run ended there.
    """
    compute = usage_from_run_info(_mapping(info.get("compute")))
    return compute if compute.steps == step else usage_from_timings(row)


def _seconds(values: Mapping[str, Any]) -> dict[str, float]:
    found = {phase: _non_negative(values.get(phase)) for phase in PHASES}
    return {phase: value for phase, value in found.items() if value is not None}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _non_negative(number: Any, most: float = MOST) -> float | None:
    value = finite_number(number)
    return None if value is None or not 0 <= value <= most else value


def parse_count(number: Any, most: float = MOST) -> int | None:
    value = _non_negative(number, most)
    return None if value is None else int(number)
