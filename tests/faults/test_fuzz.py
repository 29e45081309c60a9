"""Generated command lines and YAML trees: one of genrun's errors or a configuration, no more.

How many is read from GENRUN_FUZZ, as LINES or LINES/TREES: 5000/1000 is the contract's proof.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from genrun.config.compose import compose
from genrun.config.groups import GROUPS, LIST_GROUPS, conf_folder
from genrun.config.multirun import expand_seeds, split_sweep
from genrun.core.errors import ConfigError

LINES, _, TREES = os.environ.get("GENRUN_FUZZ", "300/100").partition("/")
SECONDS = 20.0  # for one composition, on a machine that does other things too
FUZZ = settings(
    deadline=None,  # `composes_or_refuses` has one that says what took so long
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


def keys_of(group: str, name: str) -> list[str]:
    return list(yaml.safe_load((conf_folder() / group / f"{name}.yaml").read_text()))


CHOICES = {
    group: sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))
    for group in (*GROUPS, "experiment", "sweep")
}
SCALARS = [
    "steps", "epochs", "seed", "log_every", "evaluate_every", "save_every", "sample_every",
    "players", "plugins",
]  # fmt: skip
KEYS = [
    *CHOICES, *SCALARS,
    *(f"{group}.{key}" for group, choices in CHOICES.items() if group not in LIST_GROUPS
      for name in choices for key in keys_of(group, name)),
    *(f"{group}.{name}" for group in LIST_GROUPS for name in CHOICES[group]),
    "players.generator.optimizer", "players.generator.optimizer.lr",
    "optimizer@players.x.optimizer",
    "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.launcher._target_",
    "hydra.sweeper.params.seed", "hydra/launcher", "hydra.job.name", "hydra", "model._target_",
]  # fmt: skip

# without subnormals: training in the same process flushes them
NUMBERS = st.floats(allow_subnormal=False)
garbage = st.text(max_size=20) | st.text("[]{}(),:=${}'\"\\+~@/.?* \n\t", max_size=12)
numbers = (
    st.integers(-(10**25), 10**25).map(str)
    | NUMBERS.map(str)
    | st.sampled_from(["1e999", "-0", "0777", "0x10", "1_000", "12:30:00", "9" * 400, "1e-400"])
)
interpolations = st.sampled_from(KEYS).map("${{{}}}".format) | st.sampled_from(
    ["${oc.env:HOME}", "${oc.env:NO_SUCH}", "${now:%Y}", "${hydra:job.num}", "${nope:1}", "${",
     "${oc.create:{a:1}}", "${oc.decode:'[1'}", "${.lr}", "${..seed}", "${${seed}}", "\\${seed}",
     "${oc.select:seed}", "${oc.dict.keys:model}", "${oc.deprecated:seed}", "${hydra:runtime.cwd}"]
)  # fmt: skip
scalars = st.one_of(
    numbers, interpolations, garbage,
    st.sampled_from([name for names in CHOICES.values() for name in names]),
    st.sampled_from(["null", "true", "???", "''", "nan", "-inf", "../x", "/etc/passwd", "🎉"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda v: f"[{','.join(v)}]"),
        st.lists(inner, max_size=3).map(",".join),
        st.dictionaries(st.sampled_from(KEYS) | garbage, inner, max_size=2).map(
            lambda v: "{" + ",".join(f"{k}:{x}" for k, x in v.items()) + "}"
        ),
        inner.map("'{}'".format),
        inner.map("range({})".format),
        inner.map("choice({})".format),
        inner.map("glob({})".format),
        inner.map("int({})".format),
    ),
    max_leaves=4,
)
choices = st.sampled_from(list(CHOICES)).flatmap(
    lambda group: st.sampled_from(CHOICES[group] or ["x"]).map(lambda name: f"{group}={name}")
)
settings_ = st.tuples(
    st.sampled_from(["", "", "", "+", "++", "~"]), st.sampled_from(KEYS) | garbage, values
).map(lambda parts: f"{parts[0]}{parts[1]}={parts[2]}")
words = st.one_of(choices, settings_, settings_, garbage)
lines = st.lists(words, min_size=1, max_size=4)

yaml_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), NUMBERS, st.text(max_size=8), scalars
)
yaml_keys = st.one_of(
    st.sampled_from([key.rpartition(".")[2] for key in KEYS]), st.text(max_size=5), st.integers(),
    st.sampled_from(["defaults", "_target_", "_args_", "hydra", "a.b", "", "???", "token"]),
)  # fmt: skip
trees = st.dictionaries(
    yaml_keys,
    st.recursive(
        yaml_scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(yaml_keys, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
defaults = st.lists(
    st.one_of(
        st.sampled_from(
            ["_self_", "/model/gan", "override /model: vae", "optional /x: y", "adam"]
        ),
        st.dictionaries(
            st.sampled_from(
                ["override /model", "/optimizer", "optional x", "override hydra/help"]
            ),
            st.sampled_from(["gan", "nothing", None, ["adam"], "${model}", "mine"]),
            max_size=2,
        ),
    ),
    max_size=3,
)
documents = st.one_of(
    st.tuples(trees, defaults).map(lambda t: yaml.safe_dump({"defaults": t[1], **t[0]})),
    trees.map(lambda tree: yaml.safe_dump({"_target_": "torch.optim.Adam", "lr": 0.1, **tree})),
    st.tuples(st.integers(0, 200), st.text(max_size=3)).map(
        lambda cut: yaml.safe_dump({"a": {"b": [1, 2]}, "c": "x" * 9})[: cut[0]] + cut[1]
    ),
    st.text(max_size=60),
    st.text(":-[]{}&*!|>'\"#%@` \n\tab01", max_size=60),
)
headers = st.sampled_from(
    ["", "", "# @package _global_\n", "# @package hydra\n", "# @package a.b\n", "# @package\n"]
)


@pytest.fixture(scope="module", autouse=True)
def empty_folder() -> Iterator[Path]:
    """Nothing may appear in the folder in which the commands are given."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def composes_or_refuses(line: Sequence[str], config_dir: str | None = None) -> None:
    begun, said = time.monotonic(), ConfigError("no error")
    try:
        compose(line, config_dir)
    except ConfigError as error:
        said = error
    assert str(said).strip()
    assert time.monotonic() - begun < SECONDS
    assert os.listdir() == []


@settings(FUZZ, max_examples=int(LINES))
@given(lines)
def test_command_lines(line: list[str]) -> None:
    composes_or_refuses(line)


@settings(FUZZ, max_examples=max(1, int(LINES) // 3))
@given(lines)
def test_sweeps(line: list[str]) -> None:
    begun = time.monotonic()
    with contextlib.suppress(ConfigError):
        split_sweep(expand_seeds(line))
    assert time.monotonic() - begun < SECONDS


@settings(FUZZ, max_examples=int(TREES or int(LINES) // 3))
@given(st.sampled_from(["optimizer", "experiment", "model", "stopping"]), headers, documents)
def test_trees_of_yaml(group: str, header: str, document: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / group / "mine.yaml"
        path.parent.mkdir()
        path.write_bytes((header + document).encode(errors="surrogatepass"))
        composes_or_refuses([f"{group}=mine"], folder)
