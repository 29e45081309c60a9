"""What can be done with runs that exist: resume, sample, show, list."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from genrun.config import did_you_mean
from genrun.core.errors import EXIT_CODE_OF_STATUS, CheckpointUnusable, ConfigError, InputMissing
from genrun.runs.folder import RunFolder, run_folders
from genrun.runs.lock import refuse_if_locked
from genrun.words import refuse_repeated

ENDED = ("finished", "stopped_early", "diverged")
USAGE = {
    "resume": "genrun resume RUN [steps=N] [stopping.NAME.KEY=VALUE] [plugins=[MODULE]]\n"
    "  Goes on where the run's newest sound checkpoint was made. A run that ended is left as it\n"
    "  is, unless it gets more steps or another stopping budget.",
    "sample": "genrun sample RUN [count=64] [seed=0] [weights=best|last] [out=FILE.png|FILE.npz]\n"
    "  Draws images and writes a grid, or with .npz the array `images` (count, channels, height,\n"
    "  width) in [0, 1].",
    "show": "genrun show RUN\n  What the run is, how it ended, and its last and best values.",
    "list": "genrun list [FOLDER]\n  A line for each run below FOLDER (outputs).",
}


def run(verb: str, words: Sequence[str]) -> int:
    """Does one verb and gives the exit code."""
    if any(word in ("-h", "--help") for word in words):
        print(USAGE[verb])
        return 0
    verbs: dict[str, Callable[[Sequence[str]], int]] = {
        "resume": _resume,
        "sample": _sample,
        "show": _show,
        "list": _list,
    }
    return verbs[verb](words)


def _resume(words: Sequence[str]) -> int:
    folder, settings = _run_and_settings("resume", words)
    run_folder = RunFolder.open(folder)
    refuse_if_locked(run_folder.path)  # before seconds are spent on preparing
    info = run_folder.read()
    from genrun.saved import override, read_config, refuse_changes

    saved = read_config(run_folder)
    config = override(saved, settings)
    refuse_changes(saved, config)
    if info["status"] in ENDED and not _goes_further(saved, config):
        _print_line(f"{run_folder.path}: {info['status']}: {info['reason']}; nothing to resume")
        return 0
    from genrun.experiment import Experiment
    from genrun.terminal.choose import display

    prepared = Experiment.prepare(config, info["choices"], info["overrides"])
    steps, done = prepared.built.plan.steps, info.get("step", 0)
    if steps < done:
        raise ConfigError(f"steps={steps}: this run has already done {done}")
    outcome = prepared.resume(run_folder, display())
    return EXIT_CODE_OF_STATUS.get(outcome.status, 0)


def _goes_further(saved: dict[str, Any], config: dict[str, Any]) -> bool:
    return any(saved[key] != config[key] for key in ("steps", "epochs", "stopping"))


def _sample(words: Sequence[str]) -> int:
    folder, settings = _run_and_settings("sample", words)
    allowed = {"count": "64", "seed": "0", "weights": "best", "out": "", "plugins": "[]"}
    for key in settings:
        if key not in allowed:
            hint = did_you_mean(key, allowed)
            raise ConfigError(f"{key}: sample takes {', '.join(allowed)}{hint}")
    given = allowed | settings
    count = _integer("count", given["count"], least=1)
    seed = _integer("seed", given["seed"], least=0)
    if given["weights"] not in ("best", "last"):
        raise ConfigError(f"weights={given['weights']}: must be best or last")
    run_folder = RunFolder.open(folder)
    default = run_folder.samples / f"sample-{given['weights']}-{count}-seed-{seed}.png"
    out = Path(given["out"] or default)
    if out.suffix not in (".png", ".npz"):
        raise ConfigError(f"out={out}: must end in .png or .npz")
    if not out.parent.is_dir():
        raise ConfigError(f"out={out}: there is no folder {out.parent}")
    plugins = [name for name in given["plugins"].strip("[]").split(",") if name]

    from genrun.api import Run

    images = Run(run_folder, plugins).sample(count, seed, given["weights"])  # type: ignore[arg-type]  # checked above
    _write_images(out, images)
    _print_line(str(out))
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


def _show(words: Sequence[str]) -> int:
    folder, settings = _run_and_settings("show", words)
    if settings:
        raise ConfigError(f"{next(iter(settings))}: show takes a run's folder and nothing else")
    from genrun.terminal.tables import print_facts, print_table

    run_folder = RunFolder.open(folder)
    info, rows, timings = run_folder.read(), run_folder.rows(), run_folder.timings()
    choices = [f"{group}={name}" for group, name in info["choices"].items() if name]
    print_facts(
        {
            "run": run_folder.path,
            "status": f"{info['status']}: {info['reason']}" if info["reason"] else info["status"],
            "choices": " ".join(choices),
            "overrides": " ".join(info["overrides"]) or None,
            "steps": f"{rows[-1]['step'] if rows else 0} of {info['steps']}",
            "training": f"{timings['training']:.1f} s" if timings else None,
            "device": f"{info['environment']['device']}, {info['environment']['threads']} threads",
            "data": f"{info['data']['name']} {info['data']['digest'][:12]}",
            "parameters": ", ".join(f"{k} {v:,}" for k, v in info["parameters"].items()),
            "resumed": ", ".join(f"at step {r['step']}" for r in info["resumed"]) or None,
        }
    )
    names = dict.fromkeys(name for row in rows for name in row if name not in ("step", "examples"))
    table = []
    for name in names:
        values = [(row[name], row["step"]) for row in rows if name in row]
        best = min(values) if name.startswith("held_out/") else (None, None)
        table.append((name, values[0][0], values[-1][0], *best))
    print_table(("value", "first", "last", "lowest", "at step"), table)
    if events := run_folder.health():
        columns = ("step", "health", "state", "detail")
        print_table(columns, [[event[column] for column in columns] for event in events])
    return 0


def _list(words: Sequence[str]) -> int:
    if len(words) > 1 or any("=" in word for word in words):
        raise ConfigError("list takes one folder: genrun list [FOLDER]")
    from genrun.terminal.tables import print_line, print_table

    root = Path(words[0] if words else "outputs")
    if not root.is_dir():
        raise InputMissing(f"{root}: there is no such folder")
    rows = []
    for folder in run_folders(root):
        try:
            info = folder.read()
        except CheckpointUnusable as error:
            rows.append((folder.path, str(error), *[None] * 5))
            continue
        best = info.get("best") or {}
        choices = " ".join(name for name in info["choices"].values() if name)
        row = (folder.path, info["status"], info.get("step"), info["monitor"], best.get("value"))
        rows.append((*row, best.get("step"), choices))
    if not rows:
        print_line(f"{root}: has no runs yet")
        return 0
    print_table(("run", "status", "steps", "judged by", "best", "at step", "choices"), rows)
    return 0


def _run_and_settings(verb: str, words: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The folder and the KEY=VALUE words of a verb."""
    folders = [word for word in words if "=" not in word or Path(word).exists()]
    if len(folders) != 1:
        raise ConfigError(f"{verb} takes one run's folder: {USAGE[verb].splitlines()[0]}")
    path = Path(folders[0])
    if path.is_file():
        pickled = "; genrun reads no pickle" if path.suffix in (".pt", ".pth", ".ckpt") else ""
        raise CheckpointUnusable(f"{path}: {verb} takes a run's folder, not a file{pickled}")
    refuse_repeated(words)
    settings = dict(word.split("=", 1) for word in words if word not in folders)
    return folders[0], settings


def _integer(name: str, text: str, least: int) -> int:
    if re.fullmatch(r"-?[0-9]{1,18}", text) is None or int(text) < least:
        raise ConfigError(f"{name}={text}: must be an integer of at least {least}")
    return int(text)


def _print_line(text: str) -> None:
    from genrun.terminal.tables import print_line

    print_line(text)
