"""Stopping on a signal, after the step that is under way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from genrun.core.errors import ProcessLost

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)  # submitit sends USR2


class Interrupt:
    """While open, the first signal is remembered; a second one raises `KeyboardInterrupt`.

    `also` is another reason to stop; only where that is an `Interrupt` itself can it be the first
    of two signals. Does nothing outside the main thread, where Python allows no handlers.
    """

    def __init__(self, also: Callable[[], bool] | None = None) -> None:
        self.number: int | None = None  # of the signal that came
        self._also = also
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        return self.number is not None or (self._also is not None and self._also())

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.number is not None and isinstance(
            error, ProcessLost
        ):  # all were told to leave, some did
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._signalled():
            raise KeyboardInterrupt
        self.number = number

    def _signalled(self) -> bool:
        before = isinstance(self._also, Interrupt) and self._also._signalled()
        return self.number is not None or before
