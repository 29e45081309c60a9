"""A finished or unfinished run as data: the one reader of a run's folder for all analyses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnusable
from genrun.core.numbers import finite_number
from genrun.core.status import RunStatus, is_pruned
from genrun.core.usage import ResourceUsage
from genrun.results.curve import Axis, Curve, Split
from genrun.results.logs import read_curve
from genrun.results.settings import flat_settings
from genrun.runs import layout
from genrun.runs.folder import RunFolder
from genrun.runs.untrusted_json import MapOf, Nullable, check_schema, read_json
from genrun.runs.usage import parse_count, read_usage
from genrun.sweeps.plan import Job

TEST_SCHEMA = {"step": int, "values": MapOf(Nullable(float | int))}
LARGEST_TEST = 1 << 20  # bytes of a test.json


@dataclass(frozen=True)
class RunRecord:
    """A run's identity, outcome, cost and curve. Lower is better for every value.

    Settings, curve, test values and usage are read when they are first used; each raises
    `CheckpointUnusable` if its file is damaged.
    """

    folder: Path
    name: str  # the job's name, or the path relative to what the user named
    status: RunStatus
    reason: str
    config: Mapping[str, Any]
    choices: Mapping[str, str]  # of config groups
    monitor: str | None  # None: it failed before its metrics were known
    info: Mapping[str, Any]  # the content of run.json; empty without one
    job: Job | None  # of the sweep's plan; None for a single run
    sweep: Path | None
    stage: str  # of a proof: tuning or final; else empty

    @property
    def seed(self) -> int:
        return int(self.config["seed"])

    @property
    def counts(self) -> bool:
        """Whether it ended by itself and was not pruned, so that its value is a final one."""
        return self.status.succeeded and not self.pruned

    @property
    def failed(self) -> bool:
        return self.status.failed

    @property
    def pruned(self) -> bool:
        """Whether its search stopped it early; its best value is not comparable."""
        return is_pruned(self.status, self.reason)

    @property
    def left(self) -> bool:
        """Whether it has not begun or not ended."""
        return not self.counts and not self.failed and not self.pruned

    @property
    def best(self) -> float | None:
        """The lowest value of its monitor so far; None if run.json has no finite one."""
        best = self.info.get("best")
        return finite_number(best.get("value")) if isinstance(best, Mapping) else None

    @property
    def best_step(self) -> int | None:
        best = self.info.get("best")
        return parse_count(best.get("step")) if isinstance(best, Mapping) else None

    @property
    def value(self) -> float | None:
        """The final value of its monitor; None unless the run counts."""
        return self.best if self.counts else None

    @property
    def lacks_value(self) -> bool:
        """Whether it succeeded and its monitor never had a finite value."""
        return self.status.succeeded and self.best is None

    @property
    def is_failure(self) -> bool:
        """Whether it failed, or succeeded without a value, so that it counts as worst."""
        return self.failed or self.lacks_value

    @property
    def explanation(self) -> str:
        """The reason for its status."""
        if self.lacks_value:
            return f"{self.reason}; its run.json has no value of what judges it"
        return self.reason

    @property
    def steps(self) -> int | None:
        """Planned steps."""
        steps = self.info.get("steps", self.config.get("steps"))
        return steps if isinstance(steps, int) else None

    @property
    def started(self) -> str:
        """ISO 8601 time; empty if it never began."""
        return str(self.info.get("started", ""))

    @property
    def data(self) -> str | None:
        """Digest of its images."""
        data = self.info.get("data")
        return _text(data.get("digest")) if isinstance(data, Mapping) else None

    @property
    def compute(self) -> Mapping[str, Any]:
        """The resource usage of run.json, unchecked."""
        compute = self.info.get("compute")
        return compute if isinstance(compute, Mapping) else {}

    @cached_property
    def usage(self) -> ResourceUsage:
        """The run's resource usage, from its logs if it was killed."""
        return read_usage(RunFolder(self.folder), self.info)

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """Flat settings, without the seed and those without effect on what is learned."""
        try:
            return flat_settings(self.config, self.choices, self.steps)
        except (ValueError, RecursionError) as error:  # a YAML alias may contain itself
            raise CheckpointUnusable(f"{self.folder}: its configuration {error}") from error

    @cached_property
    def curve(self) -> Curve:
        return read_curve(self.folder, finite_number(self.info.get("flops_a_step")))

    @cached_property
    def test(self) -> Mapping[str, float]:
        """Test values of its best weights by name; infinite if a value was not finite.

        Empty if it was not tested, or if other weights became the best since.
        """
        content = _read_test(self.folder / layout.TEST)
        best = self.info.get("best")
        if isinstance(best, Mapping) and best.get("step") != content.get("step"):
            return {}
        values = {name: finite_number(value) for name, value in content["values"].items()}
        return {name: math.inf if value is None else value for name, value in values.items()}

    def load(self) -> RunRecord:
        """Reads everything that a comparison uses. Raises `CheckpointUnusable` if damaged."""
        _ = self.settings, self.curve, self.test
        return self

    def training_cost(self, axis: Axis) -> float:
        """The cost of all its training, also after its last evaluation; NaN if unknown."""
        known = self.compute.get(axis)
        if axis == "seconds":
            known = known.get("training") if isinstance(known, Mapping) else None
        number = finite_number(known)
        return self.curve.total(axis) if number is None else number

    def quality(
        self,
        metric: str,
        split: Split = "held_out",
        axis: Axis = "steps",
        budget: float = math.inf,
    ) -> float:
        """Its best held-out value within a budget, or its test value; infinite if it failed."""
        if self.failed:
            return math.inf
        if split == "test":
            return self.test.get(metric, math.inf)
        return self.curve.best(metric, axis, budget)

    def has_measured(self, metric: str) -> bool:
        """Whether it has a finite value of a metric, on either split."""
        return metric in self.test or math.isfinite(self.curve.best(metric))


def read_record(
    folder: Path,
    name: str,
    config: Mapping[str, Any],
    choices: Mapping[str, str] | None = None,
    job: Job | None = None,
    sweep: Path | None = None,
    stage: str = "",
) -> RunRecord:
    """Reads run.json, which a job that never began does not have.

    Without `choices` those of run.json are used. Raises `CheckpointUnusable` if it is damaged.
    """
    run = RunFolder(folder)
    info = run.read() if run.has_run_json() else {}
    if not isinstance(config.get("seed"), int):
        raise CheckpointUnusable(f"{folder}: its configuration has no seed")
    return RunRecord(
        folder=folder,
        name=name,
        status=RunStatus(info.get("status", RunStatus.MISSING)),
        reason=info.get("reason", ""),
        config=config,
        choices=dict(info.get("choices", {})) if choices is None else dict(choices),
        monitor=_text(info.get("monitor")),
        info=info,
        job=job,
        sweep=sweep,
        stage=stage,
    )


def read_job_records(sweep: Path, jobs: Sequence[Job], stage: str = "") -> list[RunRecord]:
    """Reads the jobs of a sweep. One with a damaged run.json has failed, with the reason."""
    records = []
    for job in jobs:
        folder = sweep / job.name
        try:
            record = read_record(folder, job.name, job.config, job.choices, job, sweep, stage)
        except CheckpointUnusable as error:
            record = RunRecord(
                folder=folder,
                name=job.name,
                status=RunStatus.FAILED,
                reason=str(error),
                config=job.config,
                choices=job.choices,
                monitor=None,
                info={},
                job=job,
                sweep=sweep,
                stage=stage,
            )
        records.append(record)
    return records


def _read_test(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {"values": {}}
    try:
        content = read_json(path, LARGEST_TEST)
        check_schema(content, TEST_SCHEMA)
    except (ValueError, OSError) as error:
        raise CheckpointUnusable(f"{path}: cannot be read ({error})") from error
    return content  # type: ignore[no-any-return]  # its schema is checked


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
