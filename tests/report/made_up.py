"""Folders of runs that never trained, made by hand as untrusted ones may be."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from genrun.results.proof_file import ContestantRecord, Cost, Proof
from genrun.sweeps.plan import Job, SweepPlan, compute_identity

MONITOR = "negative_elbo"
EVERY = 100  # steps between evaluations
STEPS = 800  # planned
SHAPE = (1, 28, 28)


def write_run(
    folder: Path,
    optimizer: str = "adam",
    lr: float = 0.001,
    seed: int = 0,
    values: Sequence[float] = (500.0, 200.0, 180.0),
    status: str = "finished",
    reason: str = "all steps done",
    changes: Mapping[str, Any] | None = None,
    model: str = "vae",
) -> Path:
    """A run with an evaluation at each of `values`, the first before training."""
    folder.mkdir(parents=True)
    steps = [EVERY * index for index in range(len(values))]
    (folder / "config.yaml").write_text(yaml.safe_dump(config_of(optimizer, lr, seed)))
    run = {
        "status": status,
        "reason": reason,
        "choices": {"model": model, "backbone": "mlp", "data": "digits", "optimizer": optimizer},
        "overrides": [f"optimizer={optimizer}", f"optimizer.lr={lr}", f"seed={seed}"],
        "steps": STEPS,
        "monitor": MONITOR,
        "started": "2026-11-24T10:00:00+00:00",
        "git_commit": "c0ffee" * 6,
        "environment": {"device": "cpu", "threads": 1, "genrun": "0.1.0", "torch": "2.13.0"},
        "data": {"name": "digits", "digest": "d" * 64, "shape": list(SHAPE)},
        "parameters": {"vae": 10},
        "resumed": [],
        "flops_a_step": 1e9,
        "step": steps[-1],
        "compute": {
            "steps": steps[-1],
            "examples": 128 * steps[-1],
            "flops": 1e9 * steps[-1],
            "seconds": {"training": steps[-1] / 50, "evaluation": 1.5, "saving": 0.5},
        },
    }
    (folder / "run.json").write_text(json.dumps({**run, **(changes or {})}))
    rows = [
        {"step": step, "examples": 128 * step, f"held_out/{MONITOR}": value}
        for step, value in zip(steps, values, strict=True)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    times = [{"step": step, "training": step / 50 * (1 + seed / 100)} for step in steps]
    (folder / "timings.jsonl").write_text("".join(json.dumps(row) + "\n" for row in times))
    return folder


def config_of(optimizer: str, lr: float, seed: int) -> dict[str, Any]:
    return {
        "model": {"latent_dim": 20},
        "optimizer": {"_target_": f"torch.optim.{optimizer}", "lr": lr},
        "seed": seed,
        "plugins": [],
    }


def write_pictures(run: Path, pictures: Mapping[int, bytes]) -> None:
    """By step."""
    (run / "samples").mkdir()
    for step, content in pictures.items():
        (run / "samples" / f"step-{step:06d}.png").write_bytes(content)


def noise_png(seed: int, side: int = 224) -> bytes:
    """Grey noise, which no format makes small."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def grey_png(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (32, 32), level).save(buffer, format="PNG")
    return buffer.getvalue()


def write_proof(folder: Path) -> Path:
    """Adam and sgd, each tuned at two rates with seed 0 and repeated with seeds 1 to 3."""
    folder.mkdir()
    words = ["contestants=[adam,sgd]", "trials=2", "seeds=3", "model=vae"]
    contestants = {
        name: ContestantRecord(
            word=f"optimizer={name}",
            space={"optimizer.lr": "log 1e-4..1e-2"},
            trials=[{"optimizer.lr": "0.0001"}],
            tuning=[[f"{name}-0.0001-0"]],
        )
        for name in ("adam", "sgd")
    }
    Proof(
        words=words, over="optimizer", budget=None, test=10, monitor=MONITOR, tuning_seeds=[0],
        seeds=[1, 2, 3], contestants=contestants, cost=Cost(10, 1000.0, 1000.0, None, None),
        warnings=[],
    ).write(folder)  # fmt: skip
    for stage, rates, seeds in (("tuning", (1e-4, 1e-3), (0,)), ("final", (1e-3,), (1, 2, 3))):
        jobs = []
        for optimizer, worth in (("adam", 170.0), ("sgd", 200.0)):
            for lr in rates:
                for seed in seeds:
                    name = f"{optimizer}-{lr}-{seed}"
                    value = worth - 1000 * lr + 0.7 * seed * (2 if worth == 170 else 1)
                    run = write_run(folder / stage / name, optimizer, lr, seed, (500, value))
                    if stage == "final":
                        tested = {"step": 100, "values": {MONITOR: value + 1}}
                        (run / "test.json").write_text(json.dumps(tested))
                    choices = {"model": "vae", "data": "digits", "optimizer": optimizer}
                    config = config_of(optimizer, lr, seed)
                    jobs.append(Job(name, compute_identity(config), [], choices, config))
        SweepPlan(words, jobs).write(folder / stage)
    return folder


def write_sweep(folder: Path, pictures: bool = True) -> Path:
    """Three optimizers at three rates with four seeds; the highest rate of sgd diverges."""
    folder.mkdir()
    jobs = []
    for optimizer, worth in (("adam", 170.0), ("rmsprop", 175.0), ("sgd", 200.0)):
        for place, lr in enumerate((1e-4, 1e-3, 1e-2)):
            for seed in range(4):
                name = f"optimizer={optimizer},lr={lr},seed={seed}"
                off = worth + 12 * abs(place - 1) + 2 * math.sin(7 * seed + place + worth)
                fails = optimizer == "sgd" and lr == 1e-2
                values = [550.0, *(off + 150 / step for step in range(1, 9))]
                run = write_run(
                    folder / name,
                    optimizer,
                    lr,
                    seed,
                    values[:3] if fails else values,
                    "diverged" if fails else "finished",
                    "vae/loss was nan at step 250" if fails else "all 800 steps done",
                )
                if pictures:
                    levels = {0: 20, 400: 120, 800: 240}
                    write_pictures(run, {step: grey_png(level) for step, level in levels.items()})
                config = config_of(optimizer, lr, seed)
                words = [f"optimizer={optimizer}", f"optimizer.lr={lr}", f"seed={seed}"]
                choices = {"model": "vae", "data": "digits", "optimizer": optimizer}
                jobs.append(Job(name, compute_identity(config), words, choices, config))
    SweepPlan(["optimizer=adam,rmsprop,sgd", "optimizer.lr=1e-4,1e-3,1e-2"], jobs).write(folder)
    return folder
