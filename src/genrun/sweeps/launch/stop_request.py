"""A file in a sweep's folder that requests its jobs to stop: signals may not reach them."""

from __future__ import annotations

import time
from pathlib import Path

from genrun.runs import layout
from genrun.runs.files import remove_file, write_json

POLL_SECONDS = 0.5  # the disk may be on another machine


def request_stop(sweep: Path) -> None:
    """Requests every job of the sweep to stop after its step."""
    write_json(sweep / layout.STOP_REQUEST, {"stop": "every job, after its step"})


def clear_stop_request(sweep: Path) -> None:
    """Removes an earlier request, if there is one."""
    remove_file(sweep / layout.STOP_REQUEST)


class StopRequest:
    """Whether a sweep's jobs are requested to stop: call it; it polls the disk twice a second."""

    def __init__(self, sweep: Path) -> None:
        self._path = sweep / layout.STOP_REQUEST
        self._requested = False
        self._next_poll = 0.0

    def __call__(self) -> bool:
        if not self._requested and time.monotonic() >= self._next_poll:
            self._requested = self._path.exists()
            self._next_poll = time.monotonic() + POLL_SECONDS
        return self._requested
