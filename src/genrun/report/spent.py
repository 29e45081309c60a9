"""What runs took: from their own ledgers, added up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genrun.evidence.record import RunRecord
from genrun.runs.strict_json import finite_number

PHASES = ("training", "evaluation", "saving")


@dataclass(frozen=True)
class Spent:
    """Of one run or of many. NaN: not known of any of them; peaks are the highest."""

    runs: int
    unfruitful: int  # failed, given up, or not ended
    seconds: Mapping[str, float]  # by phase
    examples: float
    flops: float
    energy: float  # joules
    host: float  # bytes
    device: float
    unknown_energy: int  # runs that do not say


def spent_by(run: RunRecord) -> Spent:
    """From run.json's ledger; of a run that did not get to write it, what its curve says."""
    own = run.compute
    seconds, peak = _part(own, "seconds"), _part(own, "peak_memory_bytes")
    energy = _amount(own.get("energy_joules"))
    return Spent(
        runs=1,
        unfruitful=int(not run.counts),
        seconds={
            "training": _first(seconds.get("training"), run.curve.total("seconds")),
            "evaluation": _amount(seconds.get("evaluation")),
            "saving": _amount(seconds.get("saving")),
        },
        examples=_first(own.get("examples"), run.curve.total("examples")),
        flops=_first(own.get("flops"), run.curve.total("flops")),
        energy=energy,
        host=_amount(peak.get("host")),
        device=_amount(peak.get("device")),
        unknown_energy=int(math.isnan(energy)),
    )


def together(parts: Sequence[Spent]) -> Spent:
    """The sum of what is known."""
    return Spent(
        runs=sum(one.runs for one in parts),
        unfruitful=sum(one.unfruitful for one in parts),
        seconds={name: known_sum(one.seconds[name] for one in parts) for name in PHASES},
        examples=known_sum(one.examples for one in parts),
        flops=known_sum(one.flops for one in parts),
        energy=known_sum(one.energy for one in parts),
        host=_most(one.host for one in parts),
        device=_most(one.device for one in parts),
        unknown_energy=sum(one.unknown_energy for one in parts),
    )


def _part(compute: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = compute.get(key)
    return found if isinstance(found, Mapping) else {}


def _amount(value: Any) -> float:
    number = finite_number(value)
    return math.nan if number is None or number < 0 else number


def _first(value: Any, otherwise: float) -> float:
    number = _amount(value)
    return otherwise if math.isnan(number) else number


def known_sum(amounts: Iterable[float]) -> float:
    known = [amount for amount in amounts if not math.isnan(amount)]
    return math.fsum(known) if known else math.nan


def _most(amounts: Iterable[float]) -> float:
    return max((amount for amount in amounts if not math.isnan(amount)), default=math.nan)
