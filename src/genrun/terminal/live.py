"""The live display: progress, the latest values, the policies' state."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from genrun.core.types import RunSummary
from genrun.terminal.style import duration, number

REFRESHES_A_SECOND = 2  # each takes milliseconds that training cannot use
COLORS = {"finished": "green", "stopped_early": "green", "interrupted": "yellow"}


class LiveDisplay:
    """Redrawn by rich's own thread from what the loop leaves here."""

    def __init__(self, console: Console) -> None:
        self.step = 0
        self._console = console
        self._run: RunSummary | None = None
        self._row: dict[str, float] = {}
        self._best: dict[str, float] = {}
        self._policies: Sequence[str] = ()
        self._first = 0
        self._begun = time.monotonic()
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=REFRESHES_A_SECOND,
            transient=True,
        )

    def start(self, run: RunSummary, step: int) -> None:
        self._run = run
        self.step = self._first = step
        self._begun = time.monotonic()
        self._console.print(Text(run.title, style="bold"))
        for name, fact in run.facts.items():
            self._console.print(_line(name, fact))
        self._console.print(_line("folder", run.folder))
        self._live.start()

    def row(self, row: Mapping[str, float], policies: Sequence[str]) -> None:
        self._row |= row
        self._policies = policies
        for name, value in row.items():
            if name.startswith("held_out/"):
                self._best[name] = min(value, self._best.get(name, value))

    def note(self, text: str) -> None:
        self._console.print(Text(f"note: {text}", style="yellow"))

    def finish(self, status: str, reason: str, lines: Mapping[str, str]) -> None:
        self._console.print(self._values())
        style = f"bold {COLORS.get(status, 'red')}"
        took = duration(time.monotonic() - self._begun)
        self._console.print(Text.assemble((status, style), f": {reason} ({took})"))
        for name, line in lines.items():
            self._console.print(_line(name, line))

    def close(self) -> None:
        self._live.stop()

    def _render(self) -> RenderableType:
        if self._run is None:
            return Text("")
        parts: list[RenderableType] = [self._progress(self._run.steps), self._values()]
        parts += [Text(policy, style="cyan") for policy in self._policies]
        return Group(*parts)

    def _progress(self, steps: int) -> RenderableType:
        done = self.step - self._first
        rate = done / max(time.monotonic() - self._begun, 1e-9)
        left = duration((steps - self.step) / rate) if done else "…"
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            Text(f"step {self.step}/{steps}"),
            ProgressBar(total=steps, completed=self.step, width=30),
            Text(f"{rate:.1f} steps/s"),
            Text(f"{left} left", style="cyan"),
        )
        return grid

    def _values(self) -> RenderableType:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("value")
        table.add_column("now", justify="right")
        table.add_column("best", justify="right")
        for name, value in self._row.items():
            if name not in ("step", "examples"):
                best = number(self._best[name]) if name in self._best else ""
                table.add_row(Text(name), number(value), best)
        return table


def _line(name: str, text: str) -> Text:
    return Text.assemble((f"  {name}: ", "dim"), text)
