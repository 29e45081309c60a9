"""Draws the README's pictures from a finished run.

    python scripts/figures.py RUN

Writes docs/images/samples.png (the run's last sample grid) and docs/images/display.svg (the live
display near the end of the run).
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console

from genrun.core.types import RunSummary
from genrun.runs.folder import RunFolder
from genrun.terminal.live import LiveDisplay

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def main() -> None:
    run = RunFolder.open(sys.argv[1])
    IMAGES.mkdir(parents=True, exist_ok=True)
    newest = max(run.samples.glob("step-*[0-9].png"))
    (IMAGES / "samples.png").write_bytes(newest.read_bytes())

    info, rows = run.read(), run.rows()
    console = Console(record=True, width=84, force_terminal=True, file=io.StringIO())
    display = LiveDisplay(console)
    title = " ".join(f"{group}={name}" for group, name in info["choices"].items() if name)
    counts = ", ".join(f"{name} {count:,}" for name, count in info["parameters"].items())
    data = f"{info['data']['name']}, {info['data']['train']} train"
    details = {"data": data, "parameters": counts}
    display.start(RunSummary(title, str(run.path), info["steps"], info["monitor"], details), 0)
    display.close()
    console.export_text(clear=True)  # the first frame, which a terminal overwrites
    for line in (title, f"  data: {data}", f"  parameters: {counts}"):
        console.print(line, highlight=False)
    for row in rows[: int(len(rows) * 0.8)]:
        display.step = int(row["step"])
        display.show_row(row, [])
    seconds = info["compute"]["seconds"]["training"]
    display._started -= seconds * display.step / info["steps"]
    console.print(display._render())
    picture = console.export_svg(title="make train")
    # rich refers to fonts on a server; the reader's fonts are used instead
    picture = re.sub(r"@font-face\s*\{.*?\}", "", picture, flags=re.DOTALL)
    (IMAGES / "display.svg").write_text(picture)


if __name__ == "__main__":
    main()
