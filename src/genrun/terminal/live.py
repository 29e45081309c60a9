"""The live display of a run: progress, the latest values, the policies' state."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from genrun.core.formatting import format_duration, format_log_row, format_number, printable
from genrun.core.status import RunStatus
from genrun.core.types import RunSummary

REFRESHES_PER_SECOND = 2  # each takes milliseconds of training's time
HEADINGS = ("value", "now", "best")
BAR_WIDTH = 30
COLORS: dict[str, str] = {
    RunStatus.FINISHED: "green",
    RunStatus.STOPPED_EARLY: "green",
    RunStatus.INTERRUPTED: "yellow",
}


class LiveDisplay:
    """Redrawn by rich's thread from the latest values that the training loop stored."""

    def __init__(self, console: Console) -> None:
        self.step = 0
        self._console = console
        self._run: RunSummary | None = None
        self._row: dict[str, float] = {}
        self._best: dict[str, float] = {}
        self._policies: Sequence[str] = ()
        self._first_step = 0
        self._started = time.monotonic()
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
        )

    def start(self, run: RunSummary, step: int) -> None:
        self._run = run
        self.step = self._first_step = step
        self._started = time.monotonic()
        self._console.print(Text(printable(run.title), style="bold"))
        for name, detail in run.details.items():
            self._console.print(_line(name, detail))
        self._console.print(_line("folder", run.folder))
        self._live.start()

    def show_row(self, row: Mapping[str, float], policies: Sequence[str]) -> None:
        self._row |= row
        self._policies = policies
        for name, value in row.items():
            # of other metrics a lower value may be worse
            if self._run and name == f"held_out/{self._run.monitor}":
                self._best[name] = min(value, self._best.get(name, value))

    def note(self, text: str) -> None:
        self._console.print(Text(printable(f"note: {text}"), style="yellow"))

    def finish(self, status: RunStatus, reason: str, lines: Mapping[str, str]) -> None:
        self._console.print(Group(*self._values()))
        style = f"bold {COLORS.get(status, 'red')}"
        duration = format_duration(time.monotonic() - self._started)
        self._console.print(Text.assemble((status, style), printable(f": {reason} ({duration})")))
        for name, line in lines.items():
            self._console.print(_line(name, line))

    def close(self) -> None:
        self._live.stop()

    def _render(self) -> RenderableType:
        """Renders lines of `Text`: tables would take four times as long, of training's time."""
        if self._run is None:
            return Text("")
        policies = [Text(printable(policy), style="cyan") for policy in self._policies]
        return Group(self._progress(self._run.steps), *self._values(), *policies)

    def _progress(self, steps: int) -> Text:
        done = self.step - self._first_step
        rate = done / max(time.monotonic() - self._started, 1e-9)
        left = format_duration((steps - self.step) / rate) if done else "?"
        full = BAR_WIDTH * self.step // max(steps, 1)
        full_mark, empty_mark = ("=", "-") if self._console.options.ascii_only else ("━", "─")
        return Text.assemble(
            f"step {self.step}/{steps} ",
            (full_mark * full, "magenta"),
            (empty_mark * (BAR_WIDTH - full), "dim"),
            f" {rate:.1f} steps/s ",
            (f"{left} left", "cyan"),
        )

    def _values(self) -> list[Text]:
        cells = [
            (name, text, format_number(self._best[name]) if name in self._best else "")
            for name, text in format_log_row(self._row).items()
            if name not in ("step", "examples")
        ]
        widths = [max(map(len, column)) for column in zip(HEADINGS, *cells, strict=True)]
        name_width, now_width, best_width = widths
        return [
            Text(
                f"{row[0]:{name_width}}  {row[1]:>{now_width}}  {row[2]:>{best_width}}",
                style=style,
                no_wrap=True,
            )
            for row, style in [(HEADINGS, "dim"), *((row, "") for row in cells)]
        ]


def _line(name: str, text: str) -> Text:
    return Text.assemble((f"  {name}: ", "dim"), printable(text))
