"""`genrun sample`: images of a run's model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genrun.core.errors import ConfigError
from genrun.runs.folder import RunFolder
from genrun.verbs.words import integer, listed, run_and_settings, settings_among

DEFAULTS = {"count": "64", "seed": "0", "weights": "best", "out": "", "plugins": "[]"}
USAGE = (
    "genrun sample RUN [count=64] [seed=0] [weights=best|last] [out=FILE.png|FILE.npz]\n"
    "  Draws images and writes a grid, or with .npz the array `images` (count, channels, height,\n"
    "  width) in [0, 1]."
)


def run(words: Sequence[str]) -> int:
    """Draws images and writes them as a grid or an array."""
    folder, settings = run_and_settings(USAGE, words)
    given = settings_among("sample", settings, DEFAULTS)
    count = integer("count", given["count"], least=1)
    seed = integer("seed", given["seed"], least=0)
    if given["weights"] not in ("best", "last"):
        raise ConfigError(f"weights={given['weights']}: must be best or last")
    run_folder = RunFolder.open(folder)
    default = run_folder.samples / f"sample-{given['weights']}-{count}-seed-{seed}.png"
    out = Path(given["out"] or default)
    if out.suffix not in (".png", ".npz"):
        raise ConfigError(f"out={out}: must end in .png or .npz")
    if not out.parent.is_dir():
        raise ConfigError(f"out={out}: there is no folder {out.parent}")
    plugins = listed(given["plugins"])

    from genrun.api import Run
    from genrun.terminal.tables import print_line

    images = Run(run_folder, plugins).sample(count, seed, given["weights"])  # type: ignore[arg-type]  # checked above
    _write_images(out, images)
    print_line(str(out))
    return 0


def _write_images(out: Path, images: Any) -> None:
    import io

    import numpy as np

    from genrun.runs.files import write_whole
    from genrun.runs.pictures import grid_png

    if out.suffix == ".png":
        write_whole(out, grid_png(images))
        return
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=images.numpy())
    write_whole(out, buffer.getvalue())
