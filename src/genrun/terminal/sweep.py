"""The display of a sweep: running and ended jobs, the best value so far, the time left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from genrun.core.formatting import format_duration, format_number, printable
from genrun.core.status import RunStatus
from genrun.terminal.tables import is_interactive, print_line

REFRESHES_PER_SECOND = 2
BAR_WIDTH = 20
NAME_WIDTH = 50
STYLES: dict[str, str] = {
    RunStatus.FINISHED: "green",
    RunStatus.STOPPED_EARLY: "green",
    RunStatus.INTERRUPTED: "yellow",
}


class NamedJob(Protocol):
    """A job, known by its name."""

    @property
    def name(self) -> str: ...


class EndedJob(Protocol):
    """The state of a job that has ended."""

    @property
    def job(self) -> NamedJob: ...

    @property
    def status(self) -> RunStatus: ...

    @property
    def reason(self) -> str: ...

    @property
    def best(self) -> float | None: ...

    @property
    def monitor(self) -> str: ...


class SweepDisplay:
    """Prints a line for each job that ends; on a terminal, also a live view of those that run."""

    def __init__(self, done: Sequence[EndedJob], total: int | None) -> None:
        self._ended: list[EndedJob] = list(done)
        self._already_done, self._total = len(done), total
        self._running: dict[str, tuple[int, int]] = {}
        self._started = time.monotonic()
        self._live: Live | None = None
        self._console = Console()

    def open(self) -> None:
        if self._already_done:
            print_line(f"{self._already_done} jobs already have a result")
        if is_interactive():
            self._live = Live(
                console=self._console,
                get_renderable=self._render,
                refresh_per_second=REFRESHES_PER_SECOND,
                transient=True,
            )
            self._live.start()

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()

    def job_started(self, job: NamedJob) -> None:
        self._running[job.name] = (0, 0)

    def job_progress(self, job: NamedJob, step: int, steps: int) -> None:
        self._running[job.name] = (step, steps)

    def job_ended(self, state: EndedJob) -> None:
        self._running.pop(state.job.name, None)
        self._ended.append(state)
        best = "" if state.best is None else f", best {format_number(state.best)}"
        text = f"{state.job.name}: {state.status}{best} ({state.reason})"
        self._print(text, STYLES.get(state.status, "red"))

    def note(self, text: str) -> None:
        self._print(text, "yellow")

    def _print(self, text: str, style: str) -> None:
        if self._live is None:
            print_line(f"[{self._count()}] {text}")
        else:
            self._console.print(Text(printable(text), style=style))

    def _count(self) -> str:
        done = sum(state.status != RunStatus.INTERRUPTED for state in self._ended)
        return f"{done}/{'?' if self._total is None else self._total}"

    def _render(self) -> RenderableType:
        return Group(*self._bars(), self._totals())

    def _bars(self) -> Iterator[Text]:
        width = min(NAME_WIDTH, max((len(name) for name in self._running), default=0))
        full_mark, empty_mark = ("=", "-") if self._console.options.ascii_only else ("━", "─")
        for name, (step, steps) in dict(self._running).items():
            full = BAR_WIDTH * step // max(steps, 1)
            yield Text.assemble(
                f"{printable(name)[-NAME_WIDTH:]:{width}}  ",
                (full_mark * full, "magenta"),
                (empty_mark * (BAR_WIDTH - full), "dim"),
                f"  {step}/{steps}" if steps else "  starting",
                no_wrap=True,
            )

    def _totals(self) -> Text:
        failed = sum(state.status.failed for state in self._ended)
        parts = [f"{self._count()} done", f"{failed} failed"]
        best: dict[str, EndedJob] = {}
        for state in sorted(self._ended, key=lambda state: state.best or 0.0):
            if state.best is not None:
                best.setdefault(state.monitor, state)
        for monitor, state in best.items():
            value = format_number(state.best or 0.0)
            parts.append(f"best {monitor} {value} ({printable(state.job.name)})")
        parts.append(f"{self._time_left()} left")
        return Text("  ".join(parts), style="bold")

    def _time_left(self) -> str:
        """Extrapolates from the jobs so far; a running job counts by its fraction of steps."""
        running = sum(step / steps for step, steps in dict(self._running).values() if steps)
        done = len(self._ended) - self._already_done + running
        if self._total is None or done <= 0:
            return "?"
        rate = done / (time.monotonic() - self._started)
        return format_duration((self._total - self._already_done - done) / rate)


@contextmanager
def sweep_display(done: Sequence[EndedJob], total: int | None) -> Iterator[SweepDisplay]:
    """Shows a sweep while open; `total` is None if the number of jobs is not known."""
    display = SweepDisplay(done, total)
    display.open()
    try:
        yield display
    finally:
        display.close()
