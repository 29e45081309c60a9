"""What shows a run while it trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from genrun.core.status import RunStatus
from genrun.core.types import RunSummary


class Display(Protocol):
    """What a person sees. `step` is set by plain assignment: it costs the loop nothing."""

    step: int

    def start(self, run: RunSummary, step: int) -> None: ...

    def show_row(self, row: Mapping[str, float], policies: Sequence[str]) -> None: ...

    def note(self, text: str) -> None: ...

    def finish(self, status: RunStatus, reason: str, lines: Mapping[str, str]) -> None: ...

    def close(self) -> None: ...
