"""Writes docs/gallery.md and its pictures from a finished sweep over the recipes.

    python scripts/gallery.py SWEEP

`make gallery` first trains every recipe of conf/experiment. The page has each recipe's last sample
grid, the values of its log, and the command that repeats it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from genrun.config.groups import conf_folder
from genrun.core.log_names import HIGH, LOW
from genrun.runs.folder import RunFolder

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = DOCS / "images" / "gallery"
METRICS = ("frechet", "importance_weighted_bound", "modes_found", "sliced_wasserstein")
HEAD = """\
# Gallery

Every recipe of `conf/experiment`, trained as `make gallery` does (two CPU cores, one a recipe, two
recipes at a time), and drawn by `scripts/gallery.py`. The samples are those of the weights at the
last step, of seed 0 and not chosen. A Fréchet distance is of 1,000 samples against 2,000 held-out
images in features of the data's own ({features}), with its 95 % interval.
It cannot be compared with one in other features or of another number of samples.

| recipe | data | held-out values at the last step | steps | minutes of training | 10^12 FLOPs |
|---|---|---|---|---|---|
"""


def caption(recipe: str) -> str:
    """Returns the comment at the top of the recipe's file."""
    lines = (conf_folder() / "experiment" / f"{recipe}.yaml").read_text().splitlines()
    comment = [line.removeprefix("#").strip() for line in lines[1:] if line.startswith("#")]
    return " ".join(comment)


def format_values(run: RunFolder) -> str:
    """Returns the last evaluation's monitor and other metrics that compare recipes."""
    monitor, rows = run.read()["monitor"], run.rows()
    last = next(row for row in reversed(rows) if f"held_out/{monitor}" in row)
    held_out = {key.removeprefix("held_out/"): value for key, value in last.items()}
    names = [name for name in dict.fromkeys([monitor, *METRICS]) if name in held_out]
    return ", ".join(name.replace("_", " ") + " " + format_value(held_out, name) for name in names)


def format_value(held_out: dict[str, Any], name: str) -> str:
    low, high = held_out.get(name + LOW), held_out.get(name + HIGH)
    interval = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
    return f"{held_out[name]:.4g}{interval}"


def table_row(recipe: str, run: RunFolder) -> str:
    info = run.read()
    compute = info["compute"]
    minutes, flops = compute["seconds"]["training"] / 60, compute["flops"] / 1e12
    cells = [
        f"[{recipe}](#{recipe})", info["data"]["name"], format_values(run), f"{info['step']:,}",
        f"{minutes:.1f}", f"{flops:,.1f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def section(recipe: str, run: RunFolder) -> str:
    picture = max(run.samples.glob("step-*[0-9].png"))
    (PICTURES / f"{recipe}.png").write_bytes(picture.read_bytes())
    parameters = sum(run.read()["parameters"].values())
    return "\n\n".join(
        [
            f"## {recipe}",
            caption(recipe),
            f"`genrun experiment={recipe}`, {parameters:,} parameters.",
            f"![samples of {recipe}](images/gallery/{recipe}.png)",
        ]
    )


def main() -> None:
    sweep = Path(sys.argv[1])
    PICTURES.mkdir(parents=True, exist_ok=True)
    folders = {folder.name.partition("=")[2]: folder for folder in sweep.glob("experiment=*")}
    runs = {recipe: RunFolder.open(str(folder)) for recipe, folder in sorted(folders.items())}
    features = {
        info["comparison"]["features"]
        for info in (run.read() for run in runs.values())
        if info["choices"]["features"] == "classifier"
    }
    table = "\n".join(table_row(recipe, run) for recipe, run in runs.items())
    sections = [section(recipe, run) for recipe, run in runs.items()]
    page = "\n\n".join([HEAD.format(features="; ".join(sorted(features))) + table, *sections])
    (DOCS / "gallery.md").write_text(page + "\n")


if __name__ == "__main__":
    main()
