"""Runs under injected faults: `python -m tests.faults [short] [out=FILE] [seed=N] [only=WORD]`.

Prints a table (fault, tried, survived, refused, lost) and writes it as JSON. Exit code 1 where
anything was lost. The short version leaves out what the test suite runs anyway: NaN, fuzzing.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults import damage, full_disk, interruptions, locks, mutations, suites, sweep_kills
from tests.faults.harness import Harness, Tally, write_table

Fault = Callable[[Harness, random.Random], Tally | None]


def faults(short: bool) -> dict[str, Fault]:
    """Each kind with as many cases as the contract asks for, or with fewer."""

    def of(few: int, many: int | None) -> int | None:
        return few if short else many

    return {
        "kills": lambda h, r: interruptions.random_kills(h, of(70, 1000) or 0, r),
        "points": lambda h, r: interruptions.kills_at_every_change(h, of(30, None), r),
        "corruptions": lambda h, r: damage.corruptions(h, of(60, 1000) or 0, r),
        "mutations": lambda h, r: mutations.mutations(h, of(300, 2000) or 0, r),
        "errors": lambda h, r: full_disk.errors(h, of(20, None), r),
        "limits": lambda h, r: full_disk.size_limits(h, of(10, 50) or 0, r),
        "disks": lambda h, r: full_disk.small_disks(h, of(5, 50) or 0, r),
        "signals": lambda h, r: interruptions.signals(h, of(30, 300) or 0, r),
        "claims": lambda h, r: locks.claims(h, of(1, 50) or 0, r),
        "nan": lambda h, r: None if short else suites.not_a_number(),
        "fuzz": lambda h, r: None if short else suites.fuzz(5000, 1000),
        "parents": lambda h, r: sweep_kills.parents_killed(h, of(3, 200) or 0, r),
        "holders": lambda h, r: locks.holders(h, of(20, 200) or 0, r),
    }


def main() -> int:
    words = sys.argv[1:]
    given = dict(word.split("=", 1) for word in words if "=" in word)
    chance = random.Random(int(given.get("seed", 0)))
    harness = Harness()
    tallies = []
    for name, fault in faults("short" in words).items():
        if given.get("only", name) != name:
            continue
        begun = time.monotonic()
        tally = fault(harness, chance)
        if tally is None:
            print(f"{name}: left out here", flush=True)
            continue
        tallies.append(tally)
        print(f"{tally.row()} in {time.monotonic() - begun:.0f} s", flush=True)
    write_table(tallies, Path(given.get("out", "outputs/faults.json")))
    print("\n| fault | tried | survived | refused (76) | lost |\n|---|---|---|---|---|")
    for t in tallies:
        print(f"| {t.fault} | {t.tried} | {t.survived} | {t.refused} | {t.lost} |")
    lost = sum(tally.lost for tally in tallies)
    if not lost:
        harness.close()
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())
