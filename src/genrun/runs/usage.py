"""What a run's folder says that the run took. Trusts no number in it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from genrun.core.errors import CheckpointUnusable
from genrun.core.numbers import finite_number
from genrun.core.status import RunStatus
from genrun.core.usage import PHASES, ResourceUsage
from genrun.runs.folder import RunFolder

MOST = 1e18  # steps, examples, seconds, bytes or joules; a sum of what is above might be no number
MOST_FLOPS = 1e30


def read_usage(folder: RunFolder, info: Mapping[str, Any]) -> ResourceUsage:
    """By run.json, which whoever ended the run wrote; else, after a kill, by its logs."""
    compute = _mapping(info.get("compute"))
    status = RunStatus(info.get("status", RunStatus.MISSING))
    recorded = status.ended or status == RunStatus.INTERRUPTED
    if recorded or "peak_memory_bytes" in compute:
        return usage_from_run_info(compute)
    if "environment" not in info:
        return ResourceUsage()  # never built
    with contextlib.suppress(CheckpointUnusable):
        timings, rows = folder.timings(), folder.rows()
        examples = rows[-1].get("examples") if rows else compute.get("examples")
        if timings:
            return usage_from_timings(timings, examples, info.get("flops_a_step"))
    return usage_from_run_info(compute)


def usage_from_run_info(compute: Mapping[str, Any]) -> ResourceUsage:
    """What run.json has under `compute`."""
    peak = _mapping(compute.get("peak_memory_bytes"))
    return ResourceUsage(
        steps=count(compute.get("steps")),
        examples=count(compute.get("examples")),
        flops=count(compute.get("flops"), MOST_FLOPS),
        seconds=_seconds(_mapping(compute.get("seconds"))),
        host_bytes=count(peak.get("host")),
        device_bytes=count(peak.get("device")),
        joules=positive(compute.get("energy_joules")),
    )


def usage_from_timings(
    row: Mapping[str, Any], examples: Any = None, flops_a_step: Any = None
) -> ResourceUsage:
    """What a row of timings.jsonl has, at its step."""
    steps, each = count(row.get("step")), count(flops_a_step)
    return ResourceUsage(
        steps=steps,
        examples=count(examples),
        flops=None if steps is None or each is None else steps * each,
        seconds=_seconds(row),
        host_bytes=count(row.get("host_peak_bytes")),
        device_bytes=count(row.get("device_peak_bytes")),
        joules=positive(row.get("energy_joules")),
    )


def usage_before_resume(
    info: Mapping[str, Any], row: Mapping[str, Any], step: int
) -> ResourceUsage:
    """What a run took until the checkpoint of `step`, to be gone on from.

    By run.json where the run ended there, else by the last row of its timings until there.
    """
    compute = usage_from_run_info(_mapping(info.get("compute")))
    return compute if compute.steps == step else usage_from_timings(row)


def _seconds(values: Mapping[str, Any]) -> dict[str, float]:
    found = {phase: positive(values.get(phase)) for phase in PHASES}
    return {phase: value for phase, value in found.items() if value is not None}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def positive(number: Any, most: float = MOST) -> float | None:
    value = finite_number(number)
    return None if value is None or not 0 <= value <= most else value


def count(number: Any, most: float = MOST) -> int | None:
    value = positive(number, most)
    return None if value is None else int(number)
