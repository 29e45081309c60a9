"""One run, as what compares runs sees it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrun.config.groups import EARLIER
from genrun.core.errors import CheckpointUnusable
from genrun.core.numbers import finite_number
from genrun.core.status import RunStatus, is_pruned
from genrun.results.curve import Axis, Curve
from genrun.results.logs import read_curve
from genrun.results.settings import EARLIER_CHOICES, flat_settings
from genrun.runs import layout
from genrun.runs.folder import RunFolder
from genrun.runs.untrusted_json import MapOf, Nullable, check_schema, read_json

TEST_FORM = {"step": int, "values": MapOf(Nullable(float | int))}
LARGEST_TEST = 1 << 20


@dataclass(frozen=True)
class RunRecord:
    """A run's identity, fate, cost and curve. Lower is better for every value."""

    folder: Path
    name: str  # the path as it was given, or below what was given
    status: RunStatus  # a run's, or missing
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
    test: Mapping[
        str, float
    ]  # by name, on images that nothing was chosen by; infinite: it was not finite
    sweep: Path | None  # that it is a job of
    stage: str  # of a proof: tuning or final; else empty

    @property
    def counts(self) -> bool:
        """Whether it came to a sound end of its own, whose value is not of a trial given up."""
        return self.status.succeeded and not self.pruned

    @property
    def failed(self) -> bool:
        return self.status.failed

    @property
    def pruned(self) -> bool:
        """Given up by its search."""
        return is_pruned(self.status, self.reason)

    @property
    def left(self) -> bool:
        """Whether it has still to begin or to end."""
        return not self.counts and not self.failed and not self.pruned

    def spent(self, axis: Axis) -> float:
        """All of its training, also what came after its last evaluation; NaN: it does not say."""
        known = self.compute.get(axis)
        if axis == "seconds":
            known = known.get("training") if isinstance(known, Mapping) else None
        number = finite_number(known)
        return self.curve.total(axis) if number is None else number


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
    info = run.read() if run.has_run_json() else {}
    said = dict(info.get("choices", {})) if choices is None else dict(choices)
    steps = info.get("steps", config.get("steps"))
    data, spent = info.get("data"), info.get("compute")
    seed = config.get("seed")
    if not isinstance(seed, int):
        raise CheckpointUnusable(f"{folder}: its configuration has no seed")
    planned = steps if isinstance(steps, int) else None
    return RunRecord(
        folder=folder,
        name=name,
        status=RunStatus(info.get("status", RunStatus.MISSING)),
        reason=info.get("reason", ""),
        seed=seed,
        monitor=_text(info.get("monitor")),
        choices=said,
        settings=_settings(folder, config, said, planned),
        steps=planned,
        data=_text(data.get("digest")) if isinstance(data, dict) else None,
        compute=spent if isinstance(spent, dict) else {},
        started=str(info.get("started", "")),
        curve=read_curve(folder, finite_number(info.get("flops_a_step"))),
        test=_test(folder, info.get("best")),
        sweep=sweep,
        stage=stage,
    )


def _settings(
    folder: Path, config: Mapping[str, Any], choices: Mapping[str, str], steps: int | None
) -> dict[str, str]:
    try:
        return flat_settings({**EARLIER, **config}, {**EARLIER_CHOICES, **choices}, steps)
    except (ValueError, RecursionError) as error:  # an alias of YAML may hold itself
        raise CheckpointUnusable(f"{folder}: its configuration {error}") from error


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _test(folder: Path, best: Any) -> dict[str, float]:
    """What the best weights gave; nothing where it is of others, as the run was gone on with."""
    path = folder / layout.TEST
    if not path.is_file():
        return {}
    try:
        content = read_json(path, LARGEST_TEST)
        check_schema(content, TEST_FORM)
    except (ValueError, OSError) as error:
        raise CheckpointUnusable(f"{path}: cannot be read ({error})") from error
    if isinstance(best, Mapping) and best.get("step") != content["step"]:
        return {}
    values = {name: finite_number(value) for name, value in content["values"].items()}
    return {name: math.inf if value is None else value for name, value in values.items()}
