"""`genrun sample`: draws images, or points, from a run's model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genrun.commands.arguments import (
    merge_settings,
    parse_integer,
    parse_names,
    parse_run_and_settings,
)
from genrun.core.errors import ConfigError
from genrun.runs.folder import RunFolder

DEFAULTS = {"count": "", "seed": "0", "weights": "best", "out": "", "plugins": "[]"}
IMAGES, POINTS = 64, 2000  # default counts
USAGE = (
    "genrun sample RUN [count=64] [seed=0] [weights=best|last] [out=FILE.png|FILE.npz]\n"
    "  Draws images and writes a grid, or with .npz the array `images` (count, channels, height,\n"
    "  width) in [0, 1]. Of a model of points: 2000 of them as a scatter plot, or with .npz the\n"
    "  array `points` (count, 2), both in the data's own coordinates."
)


def run(words: Sequence[str]) -> int:
    """Draws images or points and writes them as a picture or an array."""
    folder, settings = parse_run_and_settings(USAGE, words)
    settings = merge_settings("sample", settings, DEFAULTS)
    count = parse_integer("count", settings["count"], least=1) if settings["count"] else None
    seed = parse_integer("seed", settings["seed"], least=0)
    if settings["weights"] not in ("best", "last"):
        raise ConfigError(f"weights={settings['weights']}: must be best or last")
    run_folder = RunFolder.open(folder)
    if count is None:
        count = POINTS if run_folder.read()["data"].get("points") is True else IMAGES
    default = run_folder.samples / f"sample-{settings['weights']}-{count}-seed-{seed}.png"
    out = Path(settings["out"] or default)
    if out.suffix not in (".png", ".npz"):
        raise ConfigError(f"out={out}: must end in .png or .npz")
    if not out.parent.is_dir():
        raise ConfigError(f"out={out}: there is no folder {out.parent}")
    plugins = parse_names(settings["plugins"])

    from genrun.api import Run
    from genrun.terminal.tables import print_line

    run = Run(run_folder, plugins)
    samples = run.sample(count, seed, settings["weights"])  # type: ignore[arg-type]  # checked above
    _write(out, samples, run.spec)
    print_line(str(out))
    return 0


def _write(out: Path, samples: Any, spec: Any) -> None:
    import io

    import numpy as np

    from genrun.runs.files import write_atomic
    from genrun.runs.sample_images import grid_png, scatter_png

    if out.suffix == ".png":
        points = spec.points
        write_atomic(out, scatter_png(samples, spec.extent) if points else grid_png(samples))
        return
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{"points" if spec.points else "images": samples.numpy()})
    write_atomic(out, buffer.getvalue())
