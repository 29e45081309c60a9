"""Times sweeps of short jobs with genrun's launcher and with Hydra's, in alternating order.

python scripts/bench_sweeps.py [jobs=16] [steps=300] [rounds=3] [launchers=processes,basic,joblib]
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time

DEFAULTS = {"jobs": "16", "steps": "300", "rounds": "3", "launchers": "processes,basic,joblib"}


def time_sweep(launcher: str, jobs: int, steps: int) -> float:
    """Returns the seconds of a sweep over `jobs` seeds of a VAE on the digits."""
    folder = tempfile.mkdtemp(prefix="genrun-bench-")
    words = ["-m", "model=vae", f"steps={steps}", f"sweep.seeds={jobs}", f"save_every={steps}"]
    words += [f"evaluate_every={steps}", f"sample_every={steps}", f"hydra/launcher={launcher}"]
    started = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-m", "genrun", *words], cwd=folder, capture_output=True, text=True
    )
    elapsed = time.monotonic() - started
    if process.returncode:
        sys.exit(f"{launcher}: {process.stderr}")
    shutil.rmtree(folder)
    return elapsed


def main() -> None:
    options = DEFAULTS | dict(word.split("=", 1) for word in sys.argv[1:])
    launchers = options["launchers"].split(",")
    times: dict[str, list[float]] = {launcher: [] for launcher in launchers}
    for number in range(int(options["rounds"])):
        for launcher in launchers if number % 2 == 0 else reversed(launchers):
            elapsed = time_sweep(launcher, int(options["jobs"]), int(options["steps"]))
            times[launcher].append(elapsed)
            print(f"round {number + 1}: {launcher} {elapsed:.1f} s", flush=True)
    title = f"{options['jobs']} jobs of {options['steps']} steps"
    print(f"\n| {title} | seconds | {launchers[0]} to it |")
    print("|---|---|---|")
    for launcher in launchers:
        ratios = [a / b for a, b in zip(times[launchers[0]], times[launcher], strict=True)]
        median, ratio = statistics.median(times[launcher]), statistics.median(ratios)
        print(f"| {launcher} | {median:.1f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
