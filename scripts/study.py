"""A full study: optimizers on the VAE and the GAN on Fashion-MNIST, proved and reported.

    python scripts/study.py [WORKLOAD ...] [KEY=VALUE ...]      # both workloads: make study

Each proof is a folder in outputs/study and is resumed if it exists, so that the study can be
interrupted and started again. Writes the pages and the verdicts' numbers to docs/results.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER, RESULTS = Path("outputs/study"), Path("docs/results")
WORKLOADS = ("vae", "gan")
REFERENCE = ("adam", "rmsprop", "sgd")  # classical optimizers
MODERN = ("lion", "muon", "ademamix", "schedule_free_adamw")  # published in 2023 and 2024
PROTOCOL = [
    f"contestants=[{','.join(REFERENCE + MODERN)}]",
    "budget=1e12 flops",  # 3,720 of Adam's steps on the VAE, 1,264 on the GAN
    "trials=10",
    "seeds=10",
    "data=fashion_mnist",
    "data.held_out=2000",
    "test=5000",
    "evaluate_every=100",
    "save_every=100000",  # the best and the last checkpoint are kept anyway
    "runtime.threads=1",
]


def main() -> None:
    words = [word for word in sys.argv[1:] if "=" in word]
    workloads = [word for word in sys.argv[1:] if "=" not in word] or WORKLOADS
    folders = [FOLDER / workload for workload in workloads]
    for workload, folder in zip(workloads, folders, strict=True):
        if (folder / "proof.json").is_file():
            genrun("resume", str(folder))
        else:
            genrun("prove", *PROTOCOL, f"model={workload}", f"hydra.sweep.dir={folder}", *words)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for workload, folder in zip(workloads, folders, strict=True):
        genrun("compare", str(folder), f"out={RESULTS / workload}.json")
        genrun("report", str(folder), f"out={RESULTS / workload}.html")
    if len(folders) > 1:
        genrun("compare", *map(str, folders), "baseline=adam")


def genrun(*words: str) -> None:
    """Runs a command; exits with its code if it failed."""
    code = subprocess.run([sys.executable, "-m", "genrun", *words], check=False).returncode
    if code:
        sys.exit(code)


if __name__ == "__main__":
    main()
