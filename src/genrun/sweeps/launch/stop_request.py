"""A file in a sweep's folder that tells its jobs to stop, for jobs that no signal reaches."""

from __future__ import annotations

import time
from pathlib import Path

from genrun.runs import layout
from genrun.runs.files import remove_file, write_json

SECONDS_BETWEEN_LOOKS = 0.5  # the disk may be another machine's


def request_stop(sweep: Path) -> None:
    """Requests that every job of the sweep stops after its step."""
    write_json(sweep / layout.STOP_REQUEST, {"stop": "every job, after its step"})


def clear_stop_request(sweep: Path) -> None:
    """Removes an earlier request, if there is one."""
    remove_file(sweep / layout.STOP_REQUEST)


class StopRequest:
    """Call it to learn whether a sweep's jobs shall stop; it looks at the disk now and then."""

    def __init__(self, sweep: Path) -> None:
        self._path = sweep / layout.STOP_REQUEST
        self._requested = False
        self._next_look = 0.0

    def __call__(self) -> bool:
        if not self._requested and time.monotonic() >= self._next_look:
            self._requested = self._path.exists()
            self._next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS
        return self._requested
