"""Writes docs/gallery.md and its pictures from the finished sweep over the recipes.

    python scripts/gallery.py SWEEP

`make gallery` trains every recipe of conf/experiment first. Each gets its last sample grid, the
values that its log and its evaluation hold, and the command that repeats it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from genrun.groups import conf_folder
from genrun.runs.folder import RunFolder

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = DOCS / "images" / "gallery"


def caption(recipe: str) -> str:
    """The comment at the top of the recipe's file."""
    lines = (conf_folder() / "experiment" / f"{recipe}.yaml").read_text().splitlines()
    comment = [line.removeprefix("#").strip() for line in lines[1:] if line.startswith("#")]
    return " ".join(comment)


def last(rows: list[dict[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if name in row]
    return values[-1] if values else None


def section(recipe: str, run: RunFolder) -> str:
    info, rows = run.read(), run.rows()
    picture = max(run.samples.glob("step-*[0-9].png"))
    (PICTURES / f"{recipe}.png").write_bytes(picture.read_bytes())
    minutes = info["compute"]["seconds"]["training"] / 60
    parameters = sum(info["parameters"].values())
    held_out = {
        name: last(rows, f"held_out/{name}")
        for name in dict.fromkeys([info["monitor"], "sliced_wasserstein"])
    }
    values = ", ".join(f"{k} {v:.4g}" for k, v in held_out.items() if v is not None)
    return "\n".join(
        [
            f"## {recipe}",
            "",
            caption(recipe),
            "",
            f"![samples](images/gallery/{recipe}.png)",
            "",
            f"`genrun experiment={recipe}` on {info['data']['name']}: {values}; "
            f"{info['step']:,} steps in {minutes:.1f} minutes of training, "
            f"{parameters:,} parameters, {info['environment']['threads']} thread(s).",
        ]
    )


def main() -> None:
    sweep = Path(sys.argv[1])
    PICTURES.mkdir(parents=True, exist_ok=True)
    runs = {folder.name.partition("=")[2]: folder for folder in sweep.glob("experiment=*")}
    parts = [
        "# Gallery",
        "Every recipe of `conf/experiment`, trained here by `make gallery` (on two CPU cores, two "
        "recipes at a time), and drawn by `scripts/gallery.py`. The samples are of the weights at "
        "the last step, not chosen.",
        *[section(recipe, RunFolder.open(folder)) for recipe, folder in sorted(runs.items())],
    ]
    (DOCS / "gallery.md").write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
