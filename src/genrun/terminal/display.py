"""The display that suits where the output goes."""

from __future__ import annotations

import sys

from rich.console import Console

from genrun.core.protocols.display import Display
from genrun.terminal.live import LiveDisplay
from genrun.terminal.plain import PlainDisplay, SilentDisplay
from genrun.terminal.tables import interactive


def display(first: bool = True) -> Display:
    """Live where a person is watching, plain lines otherwise; only the first process shows any."""
    if not first:
        return SilentDisplay()
    return LiveDisplay(Console()) if interactive() else PlainDisplay(sys.stdout)
