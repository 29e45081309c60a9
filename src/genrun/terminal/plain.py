"""The display for pipes, logs and CI, one line an event, and the one that shows nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TextIO

from genrun.core.formatting import format_duration, format_log_row, printable
from genrun.core.status import RunStatus
from genrun.core.types import RunSummary

SECONDS_BETWEEN_LINES = 1.0


class PlainDisplay:
    """Prints rows with held-out values, and at most one a second of the others."""

    def __init__(self, stream: TextIO) -> None:
        self.step = 0
        self._stream = stream
        self._steps = 0
        self._started = self._printed = time.monotonic()
        self._first_step = 0

    def start(self, run: RunSummary, step: int) -> None:
        self._steps, self._first_step, self._started = run.steps, step, time.monotonic()
        self._print(run.title)
        for name, detail in run.details.items():
            self._print(f"  {name}: {detail}")
        self._print(f"  folder: {run.folder}")

    def show_row(self, row: Mapping[str, float], policies: Sequence[str]) -> None:
        now = time.monotonic()
        evaluated = any(name.startswith("held_out/") for name in row)
        if not evaluated and now - self._printed < SECONDS_BETWEEN_LINES:
            return
        self._printed = now
        parts = [
            f"{name}={text}" for name, text in format_log_row(row).items()
            if name not in ("step", "examples") and not name.endswith("/lr")
        ]  # fmt: skip
        rate = (row["step"] - self._first_step) / max(now - self._started, 1e-9)
        parts.append(f"{rate:.0f} steps/s")
        self._print(f"step {row['step']}/{self._steps}  " + "  ".join([*parts, *policies]))

    def note(self, text: str) -> None:
        self._print(f"note: {text}")

    def finish(self, status: RunStatus, reason: str, lines: Mapping[str, str]) -> None:
        self._print(f"{status}: {reason} ({format_duration(time.monotonic() - self._started)})")
        for name, line in lines.items():
            self._print(f"  {name}: {line}")

    def close(self) -> None:
        self._stream.flush()

    def _print(self, text: str) -> None:
        print(printable(text), file=self._stream, flush=True)


class SilentDisplay:
    """Shows nothing."""

    def __init__(self) -> None:
        self.step = 0

    def start(self, run: RunSummary, step: int) -> None:
        return None

    def show_row(self, row: Mapping[str, float], policies: Sequence[str]) -> None:
        return None

    def note(self, text: str) -> None:
        return None

    def finish(self, status: RunStatus, reason: str, lines: Mapping[str, str]) -> None:
        return None

    def close(self) -> None:
        return None
