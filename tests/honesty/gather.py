"""Makes pools.json from the sweeps of its commands: `python -m tests.honesty.gather SWEEP…`.

Run the commands that pools.json names first, in the repository's root.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from genrun.runs.folder import RunFolder
from tests.honesty.pools import FILE

METRICS = ("negative_elbo", "sliced_wasserstein")
SHORT = "evaluate_every={0} log_every={0} save_every={0} sample_every={0} steps={0}"
ALIKE = "runtime.threads=1 hydra.launcher.jobs=1 sweep.seeds=80"
COMMANDS = [
    f"genrun -m model=vae optimizer.lr=1e-3,1.1e-3 {SHORT.format(150)} {ALIKE} "
    "hydra.sweep.dir=outputs/pools-vae",
    f"genrun -m model=gan {SHORT.format(100)} {ALIKE} hydra.sweep.dir=outputs/pools-gan",
    "python -m tests.honesty.gather outputs/pools-vae outputs/pools-gan",
]


def main() -> None:
    pools: dict[str, dict[str, Any]] = {}
    seconds, versions = 0.0, set()
    for folder in map(Path, sys.argv[1:]):
        for path in sorted(folder.glob("*/run.json")):
            run = RunFolder.open(str(path.parent))
            info, rows = run.read(), list(run.rows())
            assert info["status"] == "finished", path
            environment = info["environment"]
            versions.add(f"genrun {environment['genrun']}, torch {environment['torch']}")
            seconds += sum(info["compute"]["seconds"].values())
            rate = rows[0].get("vae/lr") or rows[0]["generator/lr"]
            for metric in METRICS:
                if f"held_out/{metric}" not in rows[0]:
                    continue
                values = [row[f"held_out/{metric}"] for row in rows]
                name = f"{info['choices']['model']} {metric}"
                pool = pools.setdefault(name, {"worst": values[0], "by_lr": {}})
                pool["worst"] = max(pool["worst"], *values)
                pool["by_lr"].setdefault(f"{rate:g}", {})[info["seed"]] = values[-1]
    for pool in pools.values():
        pool["by_lr"] = {
            rate: [by_seed[seed] for seed in sorted(by_seed)]
            for rate, by_seed in pool["by_lr"].items()
        }
    content = {
        "commands": COMMANDS,
        "made_with": sorted(versions),
        "seconds_of_training": round(seconds),
        "pools": pools,
    }
    FILE.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
