"""Stopping on a signal, after the step that is under way."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

from genrun.core.errors import EXIT_CODE_OF_STATUS

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Interrupt:
    """While open, the first signal is remembered and a second one ends the process at once.

    Does nothing outside the main thread, where Python allows no handlers.
    """

    def __init__(self) -> None:
        self.received = False
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        return self.received

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            os._exit(EXIT_CODE_OF_STATUS["interrupted"])
        self.received = True
