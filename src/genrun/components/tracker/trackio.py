"""Trackio, with its database in the run's folder."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image

from genrun.core.protocols.tracker import (
    TrackedEnd,
    TrackedRun,
    environment_variables,
    require_package,
)

REMOTE_VARIABLES = (  # environment variables with which Trackio sends data to a server
    "TRACKIO_SPACE_ID",
    "TRACKIO_SERVER_URL",
    "TRACKIO_BUCKET_ID",
    "TRACKIO_DATASET_ID",
    "TRACKIO_WEBHOOK_URL",
)


class Trackio:
    """View it with `TRACKIO_DIR=RUN/trackio trackio show`.

    Trackio reads its folder when it is imported, so that a process can track one run only: a
    second run of the same Python program is not tracked.
    """

    folder = "trackio"
    appends = False

    def __init__(self, project: str) -> None:
        require_package("trackio")
        self.project = project

    def start(self, run: TrackedRun) -> None:
        if "trackio" in sys.modules:
            raise RuntimeError("Trackio already uses another folder in this process")
        unset = dict.fromkeys(REMOTE_VARIABLES)
        with environment_variables(TRACKIO_DIR=str(run.folder), **unset), _silent():
            import trackio

            self._run: Any = trackio.init(
                project=self.project,
                name=run.name,
                config=dict(run.hyperparameters),
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def log_row(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def log_health(self, event: Mapping[str, Any]) -> None:
        text = f"{event['state']}: {event['detail']}"
        self._run.log({f"health/{event['health']}": text}, step=event["step"])

    def log_pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:
        import trackio

        images = {name: Image.open(io.BytesIO(png)) for name, png in pictures.items()}
        self._run.log({name: trackio.Image(image) for name, image in images.items()}, step=step)

    def finish(self, end: TrackedEnd) -> None:
        last: dict[str, Any] = {"status": end.status, "reason": end.reason}
        if end.best is not None:
            last |= {f"best/{end.monitor}": end.best[1], "best/step": end.best[0]}
        self._run.log(last, step=end.step)
        import trackio

        with _silent():
            trackio.finish()  # not the run's own `finish`, which Trackio calls again at the exit


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Discards what Trackio prints, which would disturb genrun's display."""
    with open(os.devnull, "w") as devnull, contextlib.redirect_stdout(devnull):
        yield
