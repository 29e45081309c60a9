"""The jobs of one sweep under Hydra's launcher, and their summary."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig

from genrun import facts
from genrun.compose import Composed, full_errors_wanted
from genrun.core.errors import EXIT_CODE_OF_STATUS, GenrunError
from genrun.experiment import Experiment
from genrun.runs.files import write_json
from genrun.runs.folder import RunFolder
from genrun.terminal.choose import display
from genrun.terminal.tables import print_error, print_line, print_table

FAILED = ("failed", "diverged")


@dataclass
class SweepJobs:
    """Trains each point in the folder that Hydra made for it; one that fails is a row, no end."""

    folder: Path
    jobs: Sequence[Sequence[str]]
    points: Sequence[Composed]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def task(self, _: Any) -> None:
        """What Hydra calls for each job. Raises `SystemExit(75)` to end an interrupted sweep."""
        settings = HydraConfig.get()
        number, folder = int(settings.job.num), Path(settings.runtime.output_dir)
        point, words = self.points[number], list(self.jobs[number])
        print_line(f"job {number + 1} of {len(self.jobs)}: {' '.join(words)}")
        row: dict[str, Any] = {"job": " ".join(words), "folder": facts.shown(folder)}
        try:
            experiment = Experiment.prepare(point.config, point.choices, words)
            outcome = experiment.train(folder, display())
            best = experiment.built.trial.best
            row |= {"status": outcome.status, "reason": outcome.reason}
            row |= {"best": None if best is None else best.value}
            row |= {"monitor": experiment.built.plan.monitor}
        except Exception as error:
            reason = str(error) if isinstance(error, GenrunError) else traceback.format_exc()
            row |= {"status": "failed", "reason": reason}
            print_error(reason.strip().splitlines()[-1])  # a bug's whole trace is in the summary
            RunFolder(folder).update({"status": "failed", "reason": reason, "overrides": words})
            if full_errors_wanted():
                raise
        self.rows.append(row)
        if row["status"] == "interrupted":
            self.summarize()
            raise SystemExit(EXIT_CODE_OF_STATUS["interrupted"])

    def summarize(self) -> int:
        """Writes and prints a row a job; gives how many failed."""
        write_json(self.folder / "summary.json", {"jobs": self.rows})
        done = sorted(self.rows, key=lambda row: (row.get("best") is None, row.get("best") or 0))
        columns = ("job", "status", "judged by", "best", "folder")
        keys = ("job", "status", "monitor", "best", "folder")
        print_table(columns, [[row.get(key) for key in keys] for row in done], title="sweep")
        return sum(row["status"] in FAILED for row in self.rows)
