"""The choice of a run's display."""

from __future__ import annotations

import sys

from rich.console import Console

from genrun.core.protocols.display import Display
from genrun.terminal.live import LiveDisplay
from genrun.terminal.plain import PlainDisplay, SilentDisplay
from genrun.terminal.tables import is_interactive


def create_display(is_rank_zero: bool = True) -> Display:
    """Returns a live display on a terminal, otherwise a plain one; ranks above 0 are silent."""
    if not is_rank_zero:
        return SilentDisplay()
    return LiveDisplay(Console()) if is_interactive() else PlainDisplay(sys.stdout)
