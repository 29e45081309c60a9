"""The contract of what shows a run while it trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from genrun.core.status import RunStatus
from genrun.core.types import RunSummary


class Display(Protocol):
    """Shows a run's progress to the user.

    The training loop assigns `step` at each step, which costs it nothing; a display that redraws
    itself reads it. A method that raises ends the run, so displays catch the errors of their
    output.
    """

    step: int

    def start(self, run: RunSummary, step: int) -> None:
        """Called once, before the first step after `step` (0 unless the run is resumed)."""

    def show_row(self, row: Mapping[str, float], policies: Sequence[str]) -> None:
        """Called for each row of the log, with a description of each stopping policy's state."""

    def note(self, text: str) -> None:
        """Called with a message in between, such as a health event."""

    def finish(self, status: RunStatus, reason: str, lines: Mapping[str, str]) -> None:
        """Called when the run has ended, with results by label."""

    def close(self) -> None:
        """Called last, also after an error."""
