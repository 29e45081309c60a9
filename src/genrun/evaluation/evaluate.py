"""Measuring a run's weights: `evaluation.json` on held-out images, `test.json` on test images."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import yaml
from torch import nn

from genrun.config.groups import conf_folder
from genrun.config.saved import read_config
from genrun.core.errors import ConfigError
from genrun.core.noise import fold_in
from genrun.core.numbers import to_plain
from genrun.core.process_rank import ProcessRank
from genrun.core.protocols.model import Model
from genrun.core.types import DataSpec, Picture
from genrun.evaluation.measure import Measurements, SampleCounts, measure_model
from genrun.experiment.build import build_data
from genrun.experiment.device import find_device
from genrun.experiment.memory import check_samples_fit, memory_errors
from genrun.experiment.metrics import build_sample_metrics
from genrun.experiment.restore import check_same_data
from genrun.runs import layout
from genrun.runs.files import make_folder, write_atomic, write_json
from genrun.runs.folder import RunFolder
from genrun.runs.sample_images import grid_png, picture_png
from genrun.training.evaluation import Evaluation

METRICS = ("frechet", "kernel_distance", "precision_recall", "density_coverage")
MODES_METRIC = "modes"  # added for data of a known mixture
PAIRS = 40  # of a sample and its nearest training image in the picture
COLUMNS = 16  # images in a row of the picture, pairs side by side
PICTURE = "nearest-training-images.png"


@dataclass(frozen=True)
class EvaluateOptions:
    """What to measure. None stands for the run's own setting."""

    metrics: Sequence[str] | None
    features: str | None
    path: str | None  # the features' file, if they need one
    counts: SampleCounts
    seed: int
    device: str


def evaluate_run(
    folder: RunFolder,
    model: Model,
    nets: nn.ModuleDict,
    plugins: Sequence[str],
    options: EvaluateOptions,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Measures weights on held-out images; returns what it writes to `evaluation.json`.

    `about` is added to the file: which weights, of which step. Raises `CheckpointUnusable` if the
    data changed since the run trained.
    """
    saved, info = read_config(folder.config_path), folder.read()
    counts, device = options.counts, find_device(options.device, ProcessRank.from_environment())
    data = build_data(saved, device, plugins)
    default_metrics = METRICS if data.modes is None else (*METRICS, MODES_METRIC)
    config = {**saved, **_metric_settings(saved, options, default_metrics), "seed": options.seed}
    check_same_data(data, model, folder.path, info["data"])
    check_samples_fit(max(counts.samples, counts.neighbours), data.spec.pixels)
    sample_metrics = build_sample_metrics(config, data, plugins, needed=counts.neighbours > 0)
    with memory_errors(saved):
        networks = copy.deepcopy(nets).to(device)
        measured = measure_model(model, networks, data, sample_metrics, counts, options.seed)
    content = {**about, "seed": options.seed, "data": info["data"], **measured.values}
    if measured.nearest is not None:
        make_folder(folder.samples)
        write_atomic(folder.samples / PICTURE, _picture(measured, data.spec))
    write_json(folder.path / layout.EVALUATION, content)
    return content


def evaluate_on_test_images(
    folder: RunFolder,
    model: Model,
    nets: nn.ModuleDict,
    plugins: Sequence[str],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Measures weights on the test images; returns what it writes to `test.json`.

    No seed trains on these images or holds them out. The noise is that of an evaluation under
    another seed, made from the run's own, since the best weights were chosen under the latter.
    Raises `ConfigError` if no images were set aside, `CheckpointUnusable` if the data changed.
    """
    saved, info = read_config(folder.config_path), folder.read()
    seed = fold_in(saved["seed"], "test")
    device = find_device(saved["runtime"]["device"], ProcessRank.from_environment())
    data = build_data(saved, device, plugins)
    check_same_data(data, model, folder.path, info["data"])
    test_data = data.with_test_images()
    sample_metrics = build_sample_metrics({**saved, "seed": seed}, test_data, plugins)
    with memory_errors(saved):
        networks = copy.deepcopy(nets).to(device)
        evaluation = Evaluation(model, networks, test_data, sample_metrics, seed, picture_images=0)
        values = evaluation.evaluate()
    content = {
        **about,
        "seed": seed,
        "images": test_data.held_out_count,
        "data": {"name": test_data.name, "digest": test_data.digest},
        "monitor": info["monitor"],
        "values": to_plain(values),
    }
    write_json(folder.path / layout.TEST, content)
    return content


def _picture(measured: Measurements, spec: DataSpec) -> bytes:
    """Each sample next to its nearest training image; points are joined by a line."""
    assert measured.nearest is not None
    if spec.points:
        return picture_png(Picture(measured.samples, spec, measured.nearest, pairs=True))
    pairs = torch.stack([measured.samples, measured.nearest], 1)[:PAIRS]
    return grid_png(pairs.flatten(0, 1), columns=min(COLUMNS, 2 * len(pairs)))


def _metric_settings(
    saved: Mapping[str, Any], options: EvaluateOptions, default_metrics: Sequence[str]
) -> dict[str, Any]:
    """The settings of metrics and features: the run's own if it has them, else the YAML's."""
    names = [*default_metrics, *saved["metric"]] if options.metrics is None else options.metrics
    own = saved["metric"]
    metrics = {
        name: {**(own[name] if name in own else load_choice("metric", name))}
        for name in dict.fromkeys(names)
    }
    for settings in metrics.values():
        replaced = {"samples": options.counts.samples, "resamples": options.counts.resamples}
        settings |= {key: value for key, value in replaced.items() if key in settings}
    kind = options.features
    features = dict(saved["features"] if kind is None else load_choice("features", kind))
    if options.path is not None:
        if "path" not in features:
            raise ConfigError(f"path={options.path}: these features use no file")
        features["path"] = options.path
    return {"metric": metrics, "features": features}


def load_choice(group: str, name: str) -> dict[str, Any]:
    """Returns the settings in a choice's YAML. Raises `ConfigError` if there is no such choice."""
    known = sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))
    if name not in known:
        raise ConfigError(f"{group}={name}: must be one of {', '.join(known)}")
    content = yaml.safe_load((conf_folder() / group / f"{name}.yaml").read_text(encoding="utf-8"))
    return dict(content)
