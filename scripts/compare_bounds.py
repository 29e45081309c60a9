"""Compares the configurations of a sweep by one held-out metric, whatever each was judged by.

    python scripts/compare_bounds.py SWEEP [METRIC]

A VAE is judged by its ELBO and an IWAE by the importance-weighted bound: this takes the last value
of METRIC (importance_weighted_bound) of every finished job, and prints each configuration's mean
over seeds with its 95 % interval, and the paired difference from the first one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from genrun.runs.folder import RunFolder
from genrun.statistics.pairs import paired_difference
from genrun.statistics.student import Spread, spread


def main() -> None:
    sweep, metric = Path(sys.argv[1]), (*sys.argv[2:], "importance_weighted_bound")[0]
    values: dict[str, dict[int, float]] = {}
    for found in sorted(sweep.glob("*/run.json")):
        run = RunFolder.open(str(found.parent))
        info = run.read()
        if info["status"] == "finished":
            by_seed = values.setdefault(info["choices"]["model"], {})
            by_seed[info["seed"]] = run.rows()[-1][f"held_out/{metric}"]
    for model, by_seed in values.items():
        print(f"{model:20} {shown(spread(list(by_seed.values())))}")
    first, *others = values
    for model in others:
        difference = paired_difference(values[first], values[model])
        if difference is not None:
            print(f"{model} minus {first}: {shown(difference)}")


def shown(found: Spread) -> str:
    if found.low is None or found.high is None:
        return f"{found.mean:.2f} (one seed)"
    half = (found.high - found.low) / 2
    return (
        f"{found.mean:.2f} ± {half:.2f}: {found.low:.2f} to {found.high:.2f}, {found.count} seeds"
    )


if __name__ == "__main__":
    main()
