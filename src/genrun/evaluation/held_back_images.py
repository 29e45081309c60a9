"""What a finished run is worth on the images that were kept for a last test, with other noise."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from genrun.config.saved import read_config
from genrun.core.noise import fold_in
from genrun.core.process_rank import ProcessRank
from genrun.core.protocols.model import Model
from genrun.experiment.build import build_data
from genrun.experiment.device import find_device
from genrun.experiment.memory import memory_errors
from genrun.experiment.metrics import build_comparison
from genrun.experiment.restore import refuse_other_data
from genrun.runs import layout
from genrun.runs.files import write_json
from genrun.runs.folder import RunFolder
from genrun.training.evaluation import Evaluation


def measure_on_test_images(
    folder: RunFolder,
    model: Model,
    nets: nn.ModuleDict,
    plugins: Sequence[str],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """All that an evaluation of the run has by name; also in `test.json`.

    The images are those that no seed trains on or holds out. The noise is that of an evaluation
    under a seed made from the run's, as the run's own was there when its best weights were chosen.
    Raises `ConfigError` where no images were kept, `CheckpointUnusable` where the data changed.
    """
    saved, info = read_config(folder), folder.read()
    seed = fold_in(saved["seed"], "test")
    device = find_device(saved["runtime"]["device"], ProcessRank.from_environment())
    data = build_data(saved, device, plugins)
    refuse_other_data(data, model, folder.path, info["data"])
    tested = data.with_test_images()
    comparison = build_comparison({**saved, "seed": seed}, tested, plugins)
    with memory_errors(saved):
        networks = copy.deepcopy(nets).to(device)
        values = Evaluation(model, networks, tested, comparison, seed, picture_images=0).evaluate()
    content = {
        **about,
        "seed": seed,
        "images": tested.held_out_count,
        "data": {"name": tested.name, "digest": tested.digest},
        "monitor": info["monitor"],
        "values": {n: value if math.isfinite(value) else None for n, value in values.items()},
    }
    write_json(folder.path / layout.TEST, content)
    return content
