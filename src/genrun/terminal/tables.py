"""Tables of finished runs, and the choice of a display."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from genrun.core.formatting import format_number, printable

# MERGED: Tables of numbers that may be wider than the terminal, and texts of several lines.
GAP = 2  # between columns


def print_wide_table(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    """The first column names its row; where not all fit beside it the others come below it.

    Columns that are all empty are left out.
    """
    kept = [place for place in range(len(columns)) if any(row[place] is not None for row in rows)]
    widths = {
        place: GAP + max(len(columns[place]), *(len(row[place] or "-") for row in rows))
        for place in kept
    }
    for block in _blocks(kept, widths, console().width):
        names = [columns[place] for place in block]
        cells = [[row[place] for place in block] for row in rows]
        print_table(names, cells, numbers=names[1:])


def print_paragraph(text: str) -> None:
    """Wrapped between words for a person; a line of its own in a pipe."""
    console().print(Text(printable(text)), soft_wrap=not is_interactive())


def _blocks(kept: Sequence[int], widths: dict[int, int], available: int) -> Iterator[list[int]]:
    """The columns of each part of the table, its first column in all of them."""
    first, *others = kept
    block, used = [first], widths[first]
    for place in others:
        if len(block) > 1 and used + widths[place] > available:
            yield block
            block, used = [first], widths[first]
        block.append(place)
        used += widths[place]
    yield block


COLUMNS_OF_A_PIPE = 200


def is_interactive() -> bool:
    """Whether a person is watching: a terminal, and not CI."""
    return sys.stdout.isatty() and os.environ.get("CI", "").lower() not in ("1", "true")


def console() -> Console:
    return Console() if is_interactive() else Console(width=COLUMNS_OF_A_PIPE, color_system=None)


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    title: str = "",
    numbers: Collection[str] = (),
) -> None:
    """Texts are shown as they are, never as markup; columns of `numbers` are never folded."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", title_justify="left")
    for column in columns:
        if column in numbers:
            table.add_column(column, justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    if title:
        console().print(Text(printable(title), style="bold"))
    console().print(table)


def print_fields(facts: Mapping[str, Any]) -> None:
    """Names and values, one a line."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in facts.items():
        grid.add_row(Text(name, style="dim"), Text(_cell(value), overflow="fold"))
    console().print(grid)


def print_line(text: str) -> None:
    console().print(Text(printable(text)), soft_wrap=True)


def print_error(text: str) -> None:
    Console(stderr=True).print(
        Text.assemble(("genrun: ", "bold red"), printable(text)), soft_wrap=True, highlight=False
    )


@contextmanager
def show_progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar for a slow preparation; a single line where nobody is watching."""
    title = printable(title)
    if not is_interactive():
        print(title, file=sys.stderr, flush=True)
        yield lambda count: None
        return
    amount = DownloadColumn() if title.startswith("downloading") else MofNCompleteColumn()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), amount)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda count: bar.advance(task, count)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return format_number(value) if isinstance(value, float) else printable(str(value))
