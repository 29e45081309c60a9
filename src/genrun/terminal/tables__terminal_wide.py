"""Tables of numbers that may be wider than the terminal, and texts of several lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from genrun.core.formatting import printable
from genrun.terminal.tables import console, interactive, print_table

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
    console().print(Text(printable(text)), soft_wrap=not interactive())


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
