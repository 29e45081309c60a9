"""Trackio, which keeps its database in a folder of the machine: here in the run's own."""

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

ELSEWHERE = (  # by which it would send what it is told to a server
    "TRACKIO_SPACE_ID",
    "TRACKIO_SERVER_URL",
    "TRACKIO_BUCKET_ID",
    "TRACKIO_DATASET_ID",
    "TRACKIO_WEBHOOK_URL",
)


class Trackio:
    """Look at it with `TRACKIO_DIR=RUN/trackio trackio show`.

    It learns its folder once, when it is imported, so that a process can track one run by it: a
    second one of the same Python program is not tracked.
    """

    folder = "trackio"
    appends = False

    def __init__(self, project: str) -> None:
        require_package("trackio")
        self.project = project

    def start(self, run: TrackedRun) -> None:
        if "trackio" in sys.modules:
            raise RuntimeError("this process has told Trackio another folder already")
        aside = dict.fromkeys(ELSEWHERE)
        with environment_variables(TRACKIO_DIR=str(run.folder), **aside), _silent():
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
            trackio.finish()  # rather than the run's own, which is done again at the exit


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """It prints how to look at it, in the middle of genrun's own display."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
