"""Parts of one's own that do not fit are refused with what they lack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genrun.components.model.autoencoder import Autoencoder
from genrun.config.compose import compose
from genrun.core.errors import ConfigError
from genrun.core.protocols.data import ImageSet
from genrun.experiment.build import build, build_data
from genrun.experiment.instantiate import instantiate
from tests.conftest import SMALL

PLUGINS = [__name__]
GOOD = np.zeros((9, 1, 2, 2), np.float32)
LOADED: list[Any] = []


class Source:
    def load(self) -> Any:
        return LOADED[-1]


class Misnamed(Autoencoder):
    monitor = "msse"


class Gentle:
    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance


@pytest.mark.parametrize(
    ("loaded", "said"),
    [
        (5, "returned type int; must be an ImageSet"),
        (
            ImageSet("own", np.zeros((9, 2))),
            r"data: Source.load returned images of shape \(9, 2\) and dtype float64; must be "
            r"\(count, channels, height, width\), uint8 or float32 in \[0, 1\]",
        ),
        (ImageSet("own", GOOD.astype(float)), "dtype float64; must be"),
        (ImageSet("own", torch.zeros(9, 1, 2, 2)), "images of type Tensor; must be"),
        (ImageSet("own", GOOD[:0]), r"shape \(0, 1, 2, 2\)"),
        (ImageSet("own", GOOD - 1), "values from -1 to -1; must be"),
        (ImageSet("own", GOOD * np.nan), "values from nan to nan; must be"),
        (
            ImageSet("own", GOOD, labels=np.arange(8)),
            r"labels of shape \(8,\) and dtype int64; must be \(9,\), int64",
        ),
        (ImageSet("own", GOOD, labels=np.zeros(9)), "dtype float64; must be"),
        (ImageSet("own", GOOD, labels=np.arange(9) - 1), "the label -1; must be at least 0"),
    ],
)
def test_what_a_source_may_not_return(loaded: Any, said: str) -> None:
    LOADED.append(loaded)
    own = {"_target_": f"{__name__}.Source", "batch_size": 2, "held_out": 2}
    with pytest.raises(ConfigError, match=said):
        build_data({"data": own, "seed": 0}, torch.device("cpu"), PLUGINS)


def test_a_monitor_that_nothing_measures() -> None:
    config = compose([*SMALL, "model=autoencoder", "regularization=[]"]).config
    config["model"]["_target_"] = f"{__name__}.Misnamed"
    said = "model: Misnamed.evaluate returned mse, not the model's monitor msse"
    with pytest.raises(ConfigError, match=said):
        build(config, PLUGINS)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "stopping.gentle: its YAML file has no key tolerance, which Gentle needs"),
        (
            {"tolerance": 1.0, "x": 1},
            "stopping.gentle: its YAML file has the key x, which Gentle does not take",
        ),
    ],
)
def test_keys_that_do_not_fit_the_class(settings: dict[str, Any], said: str) -> None:
    settings = {"_target_": f"{__name__}.Gentle", **settings}
    with pytest.raises(ConfigError, match=said):
        instantiate("stopping", settings, PLUGINS, "stopping.gentle")


def test_a_choice_of_a_list_without_its_package(tmp_path: Path) -> None:
    (tmp_path / "metric").mkdir()
    target = "genrun.components.metric.sliced_wasserstein.SlicedWasserstein"
    (tmp_path / "metric" / "own.yaml").write_text(f"_target_: {target}\nprojections: 8\n")
    with pytest.raises(ConfigError, match=r"must be `# @package metric.NAME`"):
        compose(["model=vae", "metric=[own]"], str(tmp_path))
