"""Times `genrun compare` on many long runs, made up from one short run that it trains.

    python scripts/bench_compare.py [RUNS [ROWS]]       # 1,000 runs of 1,000 rows

Prints the seconds of the whole command, including the start of its process, three times.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRAINED = ["model=vae", "steps=20", "evaluate_every=20", "log_every=20", "runtime.threads=1"]
SEEDS = 100  # of each configuration
REPEATS = 3


def main() -> None:
    runs, rows = (int(word) for word in (*sys.argv[1:], "1000", "1000")[:2])
    with tempfile.TemporaryDirectory(dir=".") as folder:
        genrun(*TRAINED, f"hydra.run.dir={folder}/trained")
        for number in range(runs):
            copy_run(
                Path(folder, "trained"), Path(folder, "many", f"run-{number:05d}"), number, rows
            )
        for _ in range(REPEATS):
            started = time.perf_counter()
            genrun("compare", f"{folder}/many", "by=optimizer.lr")
            print(f"{runs} runs of {rows} rows: {time.perf_counter() - started:.1f} s")


def genrun(*words: str) -> None:
    command = [sys.executable, "-m", "genrun", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def copy_run(trained: Path, folder: Path, number: int, rows: int) -> None:
    """Writes a run with noise on the values of a trained one, another seed and learning rate."""
    folder.mkdir(parents=True)
    seed, rate = number % SEEDS, 0.001 * (1 + number // SEEDS)
    config = (trained / "config.yaml").read_text()
    config = config.replace("seed: 0\n", f"seed: {seed}\n").replace("lr: 0.001\n", f"lr: {rate}\n")
    (folder / "config.yaml").write_text(config)
    info = json.loads((trained / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**info, "seed": seed, "steps": rows}))
    last = {
        name: json.loads((trained / name).read_text().splitlines()[-1])
        for name in ("metrics.jsonl", "timings.jsonl")
    }
    noise = random.Random(number)
    for name, row in last.items():
        lines = []
        for step in range(rows):
            values = {k: v * (1 + noise.gauss(0, 0.01)) if "/" in k else v for k, v in row.items()}
            lines.append(json.dumps({**values, "step": step}) + "\n")
        (folder / name).write_text("".join(lines))


if __name__ == "__main__":
    main()
