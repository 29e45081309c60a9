"""Names of the files and folders of a run, a sweep and a proof.

::

    RUN/     run.json config.yaml metrics.jsonl timings.jsonl checkpoints/ samples/
    SWEEP/   plan.json summary.{json,csv,png,svg} JOB/ (each a run)
    PROOF/   proof.json tuning/ final/ (each a sweep) verdict.json report.html
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

# A run
RUN = "run.json"
CONFIG = "config.yaml"
METRICS = "metrics.jsonl"
TIMINGS = "timings.jsonl"
EVALUATION = "evaluation.json"
TEST = "test.json"
CHECKPOINTS = "checkpoints"
SAMPLES = "samples"
TENSORBOARD = "tensorboard"
LOCK = ".lock"
HYDRA = ".hydra"  # the configuration as Hydra composed it

# A sweep
PLAN = "plan.json"
SUMMARY = "summary"  # with a suffix for each form
TRIALS = ".trials"  # a folder for each trial that a process works on
JOURNAL = "search.jsonl"  # the Optuna study of a search
STOP_REQUEST = "stop.json"

# A proof
PROOF = "proof.json"
TUNING = "tuning"
FINAL = "final"
STAGES = (TUNING, FINAL)
VERDICT = "verdict.json"
REPORT = "report.html"


class Kind(StrEnum):
    """What genrun keeps in a folder."""

    RUN = "run"
    SWEEP = "sweep"
    PROOF = "proof"


def kind_of(folder: Path) -> Kind | None:
    """What a folder holds, by the file that marks it; None if it is none of them."""
    for name, kind in ((PLAN, Kind.SWEEP), (PROOF, Kind.PROOF), (RUN, Kind.RUN)):
        if (folder / name).is_file():
            return kind
    return None
