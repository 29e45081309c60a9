"""What a proof found: the one place at which its pipeline ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from genrun.proving.proof import FINAL, Proof, Winner
from genrun.proving.tested import test_value
from genrun.proving.winners import bound_lines
from genrun.statistics.pairs import paired_difference
from genrun.statistics.student import spread
from genrun.sweeps.ledger import states
from genrun.sweeps.plan import read_plan
from genrun.sweeps.results import brief
from genrun.terminal.style import number
from genrun.terminal.tables import print_line, print_table


def values_on_test(folder: Path, proof: Proof) -> dict[str, dict[int, float]]:
    """By contestant and seed; infinite where a run failed or there was none to re-run."""
    rows = {row.job.name: row for row in states(folder / FINAL, read_plan(folder / FINAL).jobs)}
    found: dict[str, dict[int, float]] = {}
    for label, winner in (proof.winners or {}).items():
        names = [] if winner is None else winner.final
        values = [test_value(rows[name]) if name in rows else None for name in names]
        known = dict(zip(proof.seeds, values, strict=False))
        found[label] = {
            seed: math.inf if known.get(seed) is None else float(known[seed] or 0.0)
            for seed in proof.seeds
        }
    return found


def show_verdict(folder: Path, proof: Proof) -> None:
    """Each contestant's choice with its values, best first, and how sure the differences are."""
    values = values_on_test(folder, proof)
    order = sorted(values, key=lambda label: _mean(values[label]))
    rows = [_row(label, proof, values[label]) for label in order]
    columns = ("contestant", "chosen", "held out", "test", "95 % interval", "seeds")
    print_line("")
    title = f"{proof.monitor} on {proof.test} test images, lower is better"
    print_table(columns, rows, title=title, numbers=columns[2:])
    for first, second in combinations(order, 2):
        print_line(_difference(first, second, values))
    for line in [*proof.warnings, *bound_lines(proof)]:
        print_line(f"note: {line}")


def _row(label: str, proof: Proof, values: Mapping[int, float]) -> list[str | None]:
    winner = (proof.winners or {}).get(label)
    known = [value for value in values.values() if math.isfinite(value)]
    found = spread(known) if len(known) == len(values) else None
    interval = None
    if found is not None and found.low is not None and found.high is not None:
        interval = f"{number(found.low)} to {number(found.high)}"
    return [
        label,
        _chosen(proof, label, winner),
        None if winner is None else number(winner.value),
        number(found.mean) if found else "failed",
        interval,
        f"{len(known)}/{len(values)}",
    ]


def _chosen(proof: Proof, label: str, winner: Winner | None) -> str:
    if winner is None:
        return "no trial came to a sound end"
    words = proof.contestants[label].trials[winner.trial]
    return " ".join(f"{key}={brief(value)}" for key, value in words.items()) or "as it is"


def _mean(values: Mapping[int, float]) -> float:
    return sum(values.values()) / len(values)


def _difference(first: str, second: str, values: Mapping[str, Mapping[int, float]]) -> str:
    """Of seeds that came to an end with both; one that failed counts as worst."""
    sound = [
        {seed: value for seed, value in values[label].items() if math.isfinite(value)}
        for label in (first, second)
    ]
    failed = [
        len(values[label]) - len(own) for label, own in zip((first, second), sound, strict=True)
    ]
    gap = paired_difference(*sound)
    if any(failed) or gap is None or gap.low is None or gap.high is None:
        return (
            f"{second} - {first}: {failed[1]} and {failed[0]} of {len(values[first])} runs failed"
        )
    return (
        f"{second} is {gap.mean:.3g} above {first} with the same seeds "
        f"(95 % interval {gap.low:.3g} to {gap.high:.3g}, {gap.count} pairs)"
    )
