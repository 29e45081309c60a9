"""Weights & Biases, offline unless the command line says online."""

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
    """An offline run is sent later by `wandb sync RUN/wandb*/wandb/offline-run-*`.

    Online it uses the login that `wandb login` made, and never asks for one. Nothing is recorded
    that genrun does not say: no console, no code, no list of packages, no
    measurements of the machine.
    """

    folder = "wandb"
    appends = False

    def __init__(self, project: str, mode: str) -> None:
        require_package("wandb")
        self.project = project
        self.mode = mode

    def start(self, run: TrackedRun) -> None:
        with environment_variables(WANDB_ERROR_REPORTING="false", **self._places(run.folder)):
            import wandb

            if self.mode == ONLINE and not wandb.api.api_key:
                raise RuntimeError("there is no login; make one with `wandb login`")
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

    def _places(self, folder: Path) -> dict[str, str]:
        """Where else it would write, in the home directory; online that has its login."""
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

        shown = {name: wandb.Image(Image.open(io.BytesIO(png))) for name, png in pictures.items()}
        self._run.log(shown, step=step)

    def finish(self, end: TrackedEnd) -> None:
        self._run.summary.update({"status": end.status, "reason": end.reason})
        if end.best is not None:
            step, value = end.best
            self._run.summary.update({f"best/{end.monitor}": value, "best/step": step})
        self._run.finish(exit_code=0 if end.succeeded else 1)
