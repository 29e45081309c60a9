"""`genrun prove`: compares contestants by a full protocol, from tuning to the test split."""

from __future__ import annotations

from collections.abc import Sequence

USAGE = (
    "genrun prove contestants=[A,B,…] [over=optimizer] [trials=8] [seeds=5] [budget=2000]\n"
    "             [tuning_seeds=1] [test=N] [dry=true] ['space.A.KEY=log 1e-4..1e-2']\n"
    "             [GROUP=CHOICE …] [KEY=VALUE …] [hydra.launcher.jobs=2] [--config-dir FOLDER]\n"
    "  Which contestant is best if all are tuned equally: each gets the same number of random\n"
    "  trials from its own space; the best on held-out images is trained again with new seeds\n"
    "  and evaluated on test images. Prints the cost first; dry=true prints only that.\n"
    "  over is optimizer, regularization, stopping, updates, schedule, model or backbone; of\n"
    "  regularization and stopping a contestant may be a list or none: [r1,[r1,ema],none].\n"
    "  budget is the budget of each run: '2000 steps', '60 seconds', '1e6 examples' or\n"
    "  '1e12 flops'. Spaces are those of conf/space; space.A.KEY adds to one or replaces it.\n"
    "  genrun resume PROOF continues it, genrun show PROOF shows its progress."
)


def run(words: Sequence[str]) -> int:
    """Runs the protocol; checks everything before it creates a file."""
    from genrun.proof.prove import prove

    return prove(words)
