"""One run, as what compares runs sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnusable
from genrun.core.reasons import is_pruned
from genrun.evidence.curve import Curve
from genrun.evidence.logs import read_curve
from genrun.evidence.settings import flat_settings
from genrun.runs.folder import RunFolder
from genrun.runs.strict_json import Each, check_form, finite_number, read_json

COUNTED = ("finished", "stopped_early")
FAILED = ("diverged", "failed")
TEST = "test.json"
TEST_FORM = {"step": int, "values": Each(float | int)}
LARGEST_TEST = 1 << 20


@dataclass(frozen=True)
class RunRecord:
    """A run's identity, fate, cost and curve. Lower is better for every value."""

    folder: Path
    name: str  # the path as it was given, or below what was given
    status: str  # a run's, or missing
    reason: str
    seed: int
    monitor: str | None  # None: it never got to say
    choices: Mapping[str, str]
    settings: Mapping[str, str]  # flat; without the seed and what has no effect
    steps: int | None  # planned
    data: str | None  # digest of its images
    compute: Mapping[str, Any]  # run.json's own
    started: str
    curve: Curve
    test: Mapping[str, float]  # values on images that nothing was chosen by; empty where none
    sweep: Path | None  # that it is a job of
    stage: str  # of a proof: tuning or final; else empty

    @property
    def counts(self) -> bool:
        """Whether it came to a sound end of its own, whose value is not of a trial given up."""
        return self.status in COUNTED and not self.pruned

    @property
    def failed(self) -> bool:
        return self.status in FAILED

    @property
    def pruned(self) -> bool:
        """Given up by its search."""
        return is_pruned(self.status, self.reason)

    @property
    def left(self) -> bool:
        """Whether it has still to begin or to end."""
        return not self.counts and not self.failed and not self.pruned


def read_record(
    folder: Path,
    name: str,
    config: Mapping[str, Any],
    choices: Mapping[str, str] | None = None,
    sweep: Path | None = None,
    stage: str = "",
) -> RunRecord:
    """Reads a run's folder, which may be empty where a plan says what it would have been.

    Raises `CheckpointUnusable` where it is damaged.
    """
    run = RunFolder(folder)
    info = run.read() if run.has_begun() else {}
    said = dict(info.get("choices", {})) if choices is None else dict(choices)
    steps = info.get("steps", config.get("steps"))
    data, spent = info.get("data"), info.get("compute")
    seed = config.get("seed")
    if not isinstance(seed, int):
        raise CheckpointUnusable(f"{folder}: its configuration has no seed")
    try:
        settings = flat_settings(config, said, steps if isinstance(steps, int) else None)
    except ValueError as error:
        raise CheckpointUnusable(f"{folder}: its configuration {error}") from error
    monitor = info.get("monitor")
    return RunRecord(
        folder=folder,
        name=name,
        status=info.get("status", "missing"),
        reason=info.get("reason", ""),
        seed=seed,
        monitor=monitor if isinstance(monitor, str) else None,
        choices=said,
        settings=settings,
        steps=steps if isinstance(steps, int) else None,
        data=data["digest"] if isinstance(data, dict) else None,
        compute=spent if isinstance(spent, dict) else {},
        started=str(info.get("started", "")),
        curve=read_curve(folder, finite_number(info.get("flops_a_step"))),
        test=_test(folder),
        sweep=sweep,
        stage=stage,
    )


def _test(folder: Path) -> dict[str, float]:
    path = folder / TEST
    if not path.is_file():
        return {}
    try:
        content = read_json(path, LARGEST_TEST)
        check_form(content, TEST_FORM)
    except (ValueError, OSError) as error:
        raise CheckpointUnusable(f"{path}: cannot be read ({error})") from error
    values = {name: finite_number(value) for name, value in content["values"].items()}
    return {name: value for name, value in values.items() if value is not None}
