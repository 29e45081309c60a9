"""From a run's folder to what it is worth, and back into the folder."""

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
from genrun.core.process_rank import ProcessRank
from genrun.core.protocols.model import Model
from genrun.core.types import DataSpec, Picture
from genrun.evaluation.measure import Measurements, SampleCounts, measure_model
from genrun.experiment.build import build_data
from genrun.experiment.device import find_device
from genrun.experiment.memory import memory_errors, refuse_too_many
from genrun.experiment.metrics import build_comparison
from genrun.experiment.restore import refuse_other_data
from genrun.runs import layout
from genrun.runs.files import make_folder, write_atomic, write_json
from genrun.runs.folder import RunFolder
from genrun.runs.sample_images import grid_png, picture_png

METRICS = ("frechet", "kernel_distance", "precision_recall", "density_coverage")
OF_MODES = "modes"  # besides, of data that have some
PAIRS = 40  # of a sample and its nearest training image, in the picture
COLUMNS = 16  # images in one of its rows: pairs side by side
PICTURE = "nearest-training-images.png"


@dataclass(frozen=True)
class EvaluateOptions:
    """What is to be measured. None stands for the run's own."""

    metrics: Sequence[str] | None
    features: str | None
    path: str | None  # of the features' file, where they want one
    counts: SampleCounts
    seed: int
    device: str


def evaluate_run(
    folder: RunFolder,
    model: Model,
    nets: nn.ModuleDict,
    plugins: Sequence[str],
    asked: EvaluateOptions,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Measures and writes; the same that is written is given."""
    saved, info = read_config(folder), folder.read()
    counts, device = asked.counts, find_device(asked.device, ProcessRank.from_environment())
    data = build_data(saved, device, plugins)
    usual = METRICS if data.modes is None else (*METRICS, OF_MODES)
    config = {**saved, **_chosen(saved, asked, usual), "seed": asked.seed}
    refuse_other_data(data, model, folder.path, info["data"])
    refuse_too_many(max(counts.samples, counts.neighbours), data.spec.pixels)
    comparison = build_comparison(config, data, plugins, needed=counts.neighbours > 0)
    with memory_errors(saved):
        networks = copy.deepcopy(nets).to(device)
        found = measure_model(model, networks, data, comparison, counts, asked.seed)
    content = {**about, "seed": asked.seed, "data": info["data"], **found.values}
    if found.nearest is not None:
        make_folder(folder.samples)
        write_atomic(folder.samples / PICTURE, _picture(found, data.spec))
    write_json(folder.path / layout.EVALUATION, content)
    return content


def _picture(found: Measurements, spec: DataSpec) -> bytes:
    """Each sample beside its nearest training image; of points joined to it."""
    assert found.nearest is not None
    if spec.points:
        return picture_png(Picture(found.samples, spec, found.nearest, pairs=True))
    pairs = torch.stack([found.samples, found.nearest], 1)[:PAIRS]
    return grid_png(pairs.flatten(0, 1), columns=min(COLUMNS, 2 * len(pairs)))


def _chosen(
    saved: Mapping[str, Any], asked: EvaluateOptions, usual: Sequence[str]
) -> dict[str, Any]:
    """The settings of metrics and features: the run's own where it has them, else the YAML's."""
    names = [*usual, *saved["metric"]] if asked.metrics is None else asked.metrics
    own = saved["metric"]
    metrics = {
        name: {**(own[name] if name in own else choice("metric", name))}
        for name in dict.fromkeys(names)
    }
    for settings in metrics.values():
        replaced = {"samples": asked.counts.samples, "resamples": asked.counts.resamples}
        settings |= {key: value for key, value in replaced.items() if key in settings}
    kind = asked.features
    features = dict(saved["features"] if kind is None else choice("features", kind))
    if asked.path is not None:
        if "path" not in features:
            raise ConfigError(f"path={asked.path}: these features take no file")
        features["path"] = asked.path
    return {"metric": metrics, "features": features}


def choice(group: str, name: str) -> dict[str, Any]:
    """The settings in a choice's YAML. Raises `ConfigError` where there is none of that name."""
    known = sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))
    if name not in known:
        raise ConfigError(f"{group}={name}: must be one of {', '.join(known)}")
    content = yaml.safe_load((conf_folder() / group / f"{name}.yaml").read_text(encoding="utf-8"))
    return dict(content)
