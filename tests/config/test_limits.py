"""Bounds in the comments of YAML files: the grammar, and that no number of conf/ is without."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from genrun.config.compose import compose
from genrun.config.groups import GROUPS, conf_folder
from genrun.config.limits import (
    bounds_of_choice,
    bounds_of_file,
    bounds_of_target,
    parse_bound,
    parse_comment,
)
from genrun.config.validation import flatten, is_number
from genrun.core.errors import ConfigError

GROUP_FILES = [path for group in GROUPS for path in sorted((conf_folder() / group).glob("*.yaml"))]
FILES = [
    conf_folder() / "config.yaml",
    *sorted((conf_folder() / "hydra").rglob("*.yaml")),
    *GROUP_FILES,
]
PLUGIN = """\
_target_: torch.optim.SGD
lr: 0.1  # [0.05, 1]; of the plugin
momentum: 0.0
"""


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_number_states_its_bounds_and_lies_within(path: Path) -> None:
    content = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert isinstance(content, dict)
    bounds = bounds_of_file(path)
    for key, value in flatten("", {k: v for k, v in content.items() if k != "defaults"}):
        if is_number(value):
            assert key in bounds, f"{path}: {key} needs bounds such as # [0, inf), or # any number"
            assert bounds[key].allows(value)
            assert isinstance(value, int) or not bounds[key].whole


@pytest.mark.parametrize("path", GROUP_FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_files_of_one_target_state_the_same_bounds(path: Path) -> None:
    """A saved run's config names the target and not the choice."""
    content: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    if "_target_" in content or path.parent.name == "runtime":
        expected = bounds_of_file(path)
        assert bounds_of_target(path.parent.name, content.get("_target_", "")) == expected


@pytest.mark.parametrize(
    ("text", "prose", "inside", "outside"),
    [
        ("[0, inf)", "at least 0", [0, 0.5, 1e300], [-1e-300]),
        ("(0, inf)", "above 0", [1e-300], [0, -1]),
        ("int [1, 100000]", "from 1 to 100000", [1, 100000], [0, 100001]),
        ("[0, 1)", "from 0 to below 1", [0, 0.999], [1]),
        ("(0, 1]", "above 0 and at most 1", [1], [0, 1.001]),
        ("(-1, 1)", "above -1 and below 1", [0], [-1, 1]),
        ("int [0, 2^63)", "from 0 to below 2^63", [2**63 - 1], [2**63, -1]),
        ("[1e-12, 0.1]", "from 1e-12 to 0.1", [1e-12, 0.1], [0.2]),
        ("(-inf, 3]", "at most 3", [3, -1e9], [3.1]),
        ("any number", "any number", [-1e300, 1e300], [math.inf]),
    ],
)
def test_the_grammar(text: str, prose: str, inside: list[float], outside: list[float]) -> None:
    bound = parse_bound(text)
    assert bound.text == prose
    assert bound.whole == text.startswith("int")
    assert all(map(bound.allows, inside))
    assert not any(map(bound.allows, outside))


@pytest.mark.parametrize(
    "comment",
    ["[0, inf]", "[0 inf)", "[0,inf)", "(1, 0)", "[0, 1", "int [a, b]", "[0, 1) prose", "[0, 1);"],
)
def test_malformed_bounds(comment: str) -> None:
    with pytest.raises(ValueError, match="bounds"):
        parse_comment(comment)


def test_prose_is_not_bounds() -> None:
    assert parse_comment(" learning rate, in [0, 1]") == (None, "learning rate, in [0, 1]")
    assert parse_comment(" int or null") == (None, "int or null")
    bound, prose = parse_comment(" int [1, 99]; steps; two")
    assert (bound, prose) == (parse_bound("int [1, 99]"), "steps; two")


def test_where_a_comment_stands(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(
        "# [0, what is no comment of a key\n"
        "a: &a 1  # [0, 9]\n"
        "b: *a  # [1, 9]\n"
        "c: [1,\n  2]  # [2, 9]\n"
        'd: "x # [3, 9]"  # [4, 9]\n'
        "e:  # [5, 9]\n  - 1\n"
        "f:\n  g: 1  # [6, 9]\n  h: {i: 2}\n"
        "j: |  # [7, 9]\n  k: 1  # [oops\n"
        "l: null\n"
    )
    lows = {key: bound.low for key, bound in bounds_of_file(path).items()}
    assert lows == {"a": 0, "b": 1, "c": 2, "d": 4, "e": 5, "f.g": 6, "j": 7}


def test_a_plugin_states_its_own_bounds(tmp_path: Path) -> None:
    file = tmp_path / "optimizer" / "mine.yaml"
    file.parent.mkdir()
    file.write_text(PLUGIN)
    words = ["optimizer=mine"]
    compose([*words, "optimizer.lr=0.05"], str(tmp_path))
    for wrong in ("optimizer.lr=0.01", "optimizer.lr=2"):
        with pytest.raises(ConfigError, match=f"^{wrong}.*: must be from 0.05 to 1$"):
            compose([*words, wrong], str(tmp_path))
    with pytest.raises(ConfigError, match=r"players.discriminator.optimizer.lr=2.*to 1$"):
        compose([*words, "players.discriminator.optimizer.lr=2.0"], str(tmp_path))


def test_malformed_bounds_of_a_plugin_name_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "optimizer" / "mine.yaml"
    file.parent.mkdir()
    file.write_text(PLUGIN.replace("[0.05, 1]", "[0.05, 1"))
    with pytest.raises(ConfigError, match=rf"^{file}:2: lr: the bounds '\[0.05, 1; of"):
        compose(["optimizer=mine"], str(tmp_path))


def test_a_plugin_cannot_widen_the_bounds_of_a_class_of_genruns_files(tmp_path: Path) -> None:
    """A saved run is checked with genrun's bounds: else it could be trained and not resumed."""
    (tmp_path / "optimizer").mkdir()
    path = tmp_path / "optimizer" / "fast.yaml"
    path.write_text("_target_: torch.optim.SGD\nmomentum: 1.0  # [0, 2]\nown: 1.0  # [0, 3]\n")
    bounds = bounds_of_choice("optimizer", "fast", str(tmp_path))
    assert not bounds["momentum"].allows(1.0)
    assert bounds["own"].allows(3.0)


def test_bounds_that_are_too_large_are_an_error() -> None:
    with pytest.raises(ValueError, match="too large"):
        parse_comment("[0, 10^999]")
