"""Lines, tables and progress bars printed by commands; a pipe gets plain text of a fixed width."""

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

PIPE_WIDTH = 200  # characters
GAP = 2  # between columns


def is_interactive() -> bool:
    """Whether the output is a terminal, and not of CI."""
    return sys.stdout.isatty() and os.environ.get("CI", "").lower() not in ("1", "true")


def create_console() -> Console:
    """Returns the console of standard output."""
    return Console() if is_interactive() else Console(width=PIPE_WIDTH, color_system=None)


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    title: str = "",
    numbers: Collection[str] = (),
) -> None:
    """Prints a table. Texts are never read as markup; columns of `numbers` are never folded."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", title_justify="left")
    for column in columns:
        if column in numbers:
            table.add_column(column, justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    if title:
        create_console().print(Text(printable(title), style="bold"))
    create_console().print(table)


def print_wide_table(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    """Prints a table whose first column names the row, in several parts if it is too wide.

    Each part repeats the first column. Empty columns are left out.
    """
    used = [index for index in range(len(columns)) if any(row[index] is not None for row in rows)]
    widths = {
        index: GAP + max(len(columns[index]), *(len(row[index] or "-") for row in rows))
        for index in used
    }
    for part in _split_columns(used, widths, create_console().width):
        names = [columns[index] for index in part]
        cells = [[row[index] for index in part] for row in rows]
        print_table(names, cells, numbers=names[1:])


def _split_columns(
    columns: Sequence[int], widths: Mapping[int, int], available: int
) -> Iterator[list[int]]:
    """Yields the columns of each part that fits the width; each starts with the first column."""
    first, *others = columns
    part, width = [first], widths[first]
    for index in others:
        if len(part) > 1 and width + widths[index] > available:
            yield part
            part, width = [first], widths[first]
        part.append(index)
        width += widths[index]
    yield part


def print_fields(fields: Mapping[str, Any]) -> None:
    """Prints names and values, one pair a line."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in fields.items():
        grid.add_row(Text(name, style="dim"), Text(_cell(value), overflow="fold"))
    create_console().print(grid)


def print_line(text: str) -> None:
    """Prints a text that is not wrapped."""
    create_console().print(Text(printable(text)), soft_wrap=True)


def print_paragraph(text: str) -> None:
    """Prints a text, wrapped between words on a terminal and not wrapped otherwise."""
    create_console().print(Text(printable(text)), soft_wrap=not is_interactive())


def print_error(text: str) -> None:
    """Prints an error to standard error."""
    Console(stderr=True).print(
        Text.assemble(("genrun: ", "bold red"), printable(text)), soft_wrap=True, highlight=False
    )


@contextmanager
def show_progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Shows a bar while open, or one line without a terminal; yields what to call with a count."""
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
