"""Times whole sweeps of short jobs under genrun's launcher and under Hydra's, in turn.

python scripts/bench_sweeps.py [jobs=16] [steps=300] [rounds=3] [launchers=processes,basic,joblib]
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time

GIVEN = {"jobs": "16", "steps": "300", "rounds": "3", "launchers": "processes,basic,joblib"}


def seconds(launcher: str, jobs: int, steps: int) -> float:
    """One sweep of `jobs` seeds of a VAE on the digits, from the command to its end."""
    folder = tempfile.mkdtemp(prefix="genrun-bench-")
    words = ["-m", "model=vae", f"steps={steps}", f"sweep.seeds={jobs}", f"save_every={steps}"]
    words += [f"evaluate_every={steps}", f"sample_every={steps}", f"hydra/launcher={launcher}"]
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "genrun", *words], cwd=folder, capture_output=True, text=True
    )
    took = time.monotonic() - begun
    if done.returncode:
        sys.exit(f"{launcher}: {done.stderr}")
    shutil.rmtree(folder)
    return took


def main() -> None:
    given = GIVEN | dict(word.split("=", 1) for word in sys.argv[1:])
    launchers = given["launchers"].split(",")
    times: dict[str, list[float]] = {launcher: [] for launcher in launchers}
    for number in range(int(given["rounds"])):
        for launcher in launchers if number % 2 == 0 else reversed(launchers):
            times[launcher].append(seconds(launcher, int(given["jobs"]), int(given["steps"])))
            print(f"round {number + 1}: {launcher} {times[launcher][-1]:.1f} s", flush=True)
    print(f"\n| {given['jobs']} jobs of {given['steps']} steps | seconds | {launchers[0]} to it |")
    print("|---|---|---|")
    for launcher in launchers:
        ratios = [a / b for a, b in zip(times[launchers[0]], times[launcher], strict=True)]
        median, ratio = statistics.median(times[launcher]), statistics.median(ratios)
        print(f"| {launcher} | {median:.1f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
