"""A word on the disk that a sweep's jobs are to stop, for those that no signal reaches."""

from __future__ import annotations

import time
from pathlib import Path

from genrun.core.errors import output_errors
from genrun.runs import layout
from genrun.runs.files import write_json

SECONDS_BETWEEN_LOOKS = 0.5  # the disk may be another machine's


def ask_to_stop(sweep: Path) -> None:
    write_json(sweep / layout.STOP_REQUEST, {"stop": "every job, after its step"})


def take_back(sweep: Path) -> None:
    with output_errors(sweep):
        (sweep / layout.STOP_REQUEST).unlink(missing_ok=True)


class StopRequest:
    """Whether a sweep's jobs have been asked to stop; looks at the disk now and then."""

    def __init__(self, sweep: Path) -> None:
        self._path = sweep / layout.STOP_REQUEST
        self._asked = False
        self._next = 0.0

    def __call__(self) -> bool:
        if not self._asked and time.monotonic() >= self._next:
            self._asked = self._path.exists()
            self._next = time.monotonic() + SECONDS_BETWEEN_LOOKS
        return self._asked
