"""Stopping on a signal, after the current step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from genrun.core.errors import ProcessLost

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)  # submitit sends USR2


class Interrupt:
    """While open, the first signal is stored, and a second one raises `KeyboardInterrupt`.

    `also` is another condition to stop; if it is itself an `Interrupt`, its signal counts as the
    first of two. Does nothing outside the main thread, where Python allows no handlers.
    """

    def __init__(self, also: Callable[[], bool] | None = None) -> None:
        self.number: int | None = None  # of the signal received
        self._also = also
        self._previous_handlers: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        return self.number is not None or (self._also is not None and self._also())

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._previous_handlers = {
                number: signal.signal(number, self._handle) for number in SIGNALS
            }
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
        # all processes were signalled, and another one left first
        if self.number is not None and isinstance(error, ProcessLost):
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._signalled():
            raise KeyboardInterrupt
        self.number = number

    def _signalled(self) -> bool:
        also_signalled = isinstance(self._also, Interrupt) and self._also._signalled()
        return self.number is not None or also_signalled
