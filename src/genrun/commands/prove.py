"""`genrun prove`: the whole protocol, from tuning to the test split."""

from __future__ import annotations

from collections.abc import Sequence

USAGE = (
    "genrun prove contestants=[A,B,…] [over=optimizer] [trials=8] [seeds=5] [budget=2000]\n"
    "             [tuning_seeds=1] [test=N] [dry=true] ['space.A.KEY=log 1e-4..1e-2']\n"
    "             [GROUP=CHOICE …] [KEY=VALUE …] [hydra.launcher.jobs=2] [--config-dir FOLDER]\n"
    "  Which contestant is best, tuned alike: as many random trials for each from its own space,\n"
    "  the best of each on held-out images again with seeds that tuning never saw, and measured\n"
    "  on test images that no run has seen. Prints the cost first; dry=true prints only that.\n"
    "  over is optimizer, regularization, stopping, updates, schedule, model or backbone; of\n"
    "  regularization and stopping a contestant may be a list or none: [r1,[r1,ema],none].\n"
    "  budget is what each run may spend: '2000 steps', '60 seconds', '1e6 examples' or\n"
    "  '1e12 flops'. Spaces are those of conf/space; space.A.KEY adds to one or replaces it.\n"
    "  genrun resume PROOF continues it, genrun show PROOF prints its progress."
)


def run(words: Sequence[str]) -> int:
    """Everything is checked before anything is created."""
    from genrun.proof.prove import prove

    return prove(words)
