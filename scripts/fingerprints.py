"""Digests of short runs, to prove that a change of the code changed no number.

    python scripts/fingerprints.py before.json
    (change the code)
    python scripts/fingerprints.py after.json && diff before.json after.json

Trains each choice of the groups below for 20 steps. Writes the SHA-256 of each run's
`metrics.jsonl` and the name of its last checkpoint, which contains the SHA-256 of its content.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CONF = Path(__file__).parents[1] / "conf"
SHORT = [
    "data.batch_size=8",
    "data.held_out=32",
    "metric.sliced_wasserstein.projections=8",
    "steps=20",
    "log_every=5",
    "evaluate_every=10",
    "save_every=10",
    "sample_every=20",
    "seed=7",
    "runtime.threads=1",
    "runtime.device=cpu",
]


def choices(group: str) -> list[str]:
    """Returns the choices of a group that have a class."""
    files = sorted((CONF / group).glob("*.yaml"))
    return [path.stem for path in files if "_target_:" in path.read_text()]


def fingerprint(words: list[str]) -> dict[str, str]:
    """Returns the log's digest and the last checkpoint's name of one run, or its error."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        process = subprocess.run(
            [sys.executable, "-m", "genrun", *words, *SHORT, "hydra.run.dir=run"],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        if process.returncode:
            return {"failed": process.stderr.strip().splitlines()[-1]}
        log = hashlib.sha256((run / "metrics.jsonl").read_bytes()).hexdigest()
        return {
            "metrics.jsonl": log,
            "checkpoint": max(p.name for p in run.glob("checkpoints/ckpt-*")),
        }


MODELS = ("gan", "vae", "autoencoder")  # a choice trains with the first of these that accepts it
GROUPS = ("optimizer", "regularization", "updates", "schedule", "backbone", "metric", "data")


def first_that_trains(runs: list[list[str]]) -> dict[str, str]:
    """Returns the fingerprint of the first of several runs that is accepted."""
    found = {}
    for words in runs:
        found = fingerprint(words)
        if "failed" not in found:
            return found
    return found


def main() -> None:
    runs = {f"model={name}": [[f"model={name}"]] for name in choices("model")}
    for group in GROUPS:
        for name in choices(group):
            word = f"{group}={name}"
            runs[word] = [[word, f"model={model}"] for model in MODELS]
    with ThreadPoolExecutor(max_workers=2) as pool:
        found = dict(zip(runs, pool.map(first_that_trains, runs.values()), strict=True))
    Path(sys.argv[1]).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
