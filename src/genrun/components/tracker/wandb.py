"""Weights & Biases, offline unless `mode=online` is on the command line."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from genrun.core.protocols.tracker import (
    ONLINE,
    TrackedEnd,
    TrackedRun,
    environment_variables,
    require_package,
)


class WandB:
    """Upload an offline run later with `wandb sync RUN/wandb*/wandb/offline-run-*`.

    Online it uses the login of `wandb login` and never prompts for one. It records only what
    genrun passes: no console output, code, list of packages or measurements of the machine.
    """

    folder = "wandb"
    appends = False

    def __init__(self, project: str, mode: str) -> None:
        require_package("wandb")
        self.project = project
        self.mode = mode

    def start(self, run: TrackedRun) -> None:
        with environment_variables(WANDB_ERROR_REPORTING="false", **self._directories(run.folder)):
            import wandb

            if self.mode == ONLINE and not wandb.api.api_key:
                raise RuntimeError("not logged in; run `wandb login`")
            settings = wandb.Settings(
                console="off",
                silent=True,
                disable_code=True,
                disable_git=True,
                disable_job_creation=True,
                x_disable_meta=True,
                x_disable_machine_info=True,
                x_disable_stats=True,
                x_save_requirements=False,
            )
            self._run: Any = wandb.init(
                project=self.project,
                name=run.name,
                dir=str(run.folder),
                mode=self.mode,
                config=dict(run.hyperparameters),
                settings=settings,
                reinit="create_new",
            )

    def _directories(self, folder: Path) -> dict[str, str]:
        """Returns variables for directories that are otherwise in the home directory.

        Online they stay there, because the login is among them.
        """
        if self.mode == ONLINE:
            return {}
        kinds = ("CACHE", "CONFIG", "DATA")
        return {f"WANDB_{kind}_DIR": str(folder / kind.lower()) for kind in kinds}

    def log_row(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def log_health(self, event: Mapping[str, Any]) -> None:
        text = f"{event['state']}: {event['detail']}"
        self._run.log({f"health/{event['health']}": text}, step=event["step"])

    def log_pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:
        import wandb

        images = {name: wandb.Image(Image.open(io.BytesIO(png))) for name, png in pictures.items()}
        self._run.log(images, step=step)

    def finish(self, end: TrackedEnd) -> None:
        self._run.summary.update({"status": end.status, "reason": end.reason})
        if end.best is not None:
            step, value = end.best
            self._run.summary.update({f"best/{end.monitor}": value, "best/step": step})
        self._run.finish(exit_code=0 if end.succeeded else 1)
