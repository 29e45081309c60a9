"""Hostile configurations run nothing: on the command line, in a user's YAML, in a saved run."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.console import Console

import genrun
from genrun.cli import run
from genrun.config.compose import compose
from genrun.core.errors import ConfigError
from genrun.experiment.experiment import Experiment
from genrun.experiment.instantiate import find_class
from genrun.terminal.live import LiveDisplay
from tests.conftest import SMALL, last_wins

CANARY = "canary"  # what each of them would create
TOUCH = f"touch {CANARY}"

TARGETS = [
    "os.system", "posix.system", "subprocess.Popen", "subprocess.run", "builtins.eval",
    "builtins.exec", "builtins.__import__", "importlib.import_module", "pickle.loads",
    "torch.load", "torch.hub.load", "torch.optim.sys.modules", "torch.optim.Adam.__init__",
    "torch.optim.os.system", "torch.optim.adam.torch.load",
    "genrun.components.model.gan.torch.load", "genrun.components.model.gan.nn.Linear",
    "genrun.components.model.gan.Tensor",
    "genrun.components.data._array_files.zipfile.os.system",
    "genrun.components.data._array_files.Path", "genrun.cli.main", "hydra.utils.instantiate",
    "hydra._internal.utils._call_target", "pytorch_optimizer.Fromage",
    "pytorch_optimizer.torch.load", "pytorch_optimizer.optimizer.lion.torch.load",
    "genrun.components.optimizer.muon.torch.load",
    "schedulefree.algoperf.Evil", "prodigyopt.prodigy.os.system", "evil.Evil", "..os.system", "",
]  # fmt: skip
ON_THE_LINE = [
    *([f"{group}._target_={target or repr('')}"] for group in ("model", "optimizer")
      for target in TARGETS),
    ["data._target_=subprocess.Popen", f"+data.args={TOUCH}"],
    ["+model._partial_=true"],
    ["+model._args_=[1]"],
    ["+model._recursive_=true"],
    ["+model._convert_=all"],
    [f"model.latent_dim={{_target_:os.system,command:'{TOUCH}'}}"],
    [f"optimizer.betas=[{{_target_:os.system,command:'{TOUCH}'}},0.9]"],
    [f"+hydra.callbacks.x={{_target_:os.system,command:'{TOUCH}'}}"],
    ["hydra.launcher._target_=os.system", f"+hydra.launcher.command='{TOUCH}'"],
    ["hydra.sweeper._target_=os.system", f"+hydra.sweeper.command='{TOUCH}'"],
    [f"+hydra.job_logging.handlers.x={{'()':os.system,command:'{TOUCH}'}}"],
    ["+hydra.job_logging.handlers.x={class:logging.FileHandler,filename:canary}"],
    ["hydra/job_logging=default"],
    ["+hydra.job.env_set.LD_PRELOAD=x"],
    ["hydra.searchpath=[file:///tmp]"],
    ["seed=${oc.env:HOME}"],
    ["--cfg", "job", f"+hydra.callbacks.x={{_target_:os.system,command:'{TOUCH}'}}"],
    ["--info", "config", "hydra.launcher._target_=os.system"],
    ["-m", "seed=1,2", "hydra.launcher._target_=os.system"],
]  # fmt: skip
IN_A_FILE = [
    "_target_: !!python/object/apply:os.system [touch canary]\n",
    "_target_: torch.optim.Adam\nlr: !!python/object/apply:os.system [touch canary]\n",
    "_target_: torch.optim.Adam\nlr: !!python/name:os.system\n",
    "_target_: torch.optim.Adam\nlr: !!python/object/apply:pathlib.Path [x]\n",
    "_target_: os.system\ncommand: touch canary\n",
    "_target_: torch.optim.Adam\n_partial_: true\n",
    "_target_: torch.optim.Adam\nlr: {_target_: os.system, command: touch canary}\n",
    "_target_: torch.optim.Adam\nlr: [[{_target_: os.system, command: touch canary}]]\n",
    "_target_: torch.optim.lr_scheduler.LambdaLR\nlr_lambda: os.system\n",
    "_target_: torch.optim.Optimizer\ndefaults: {}\n",
    "# @package hydra.callbacks\nx: {_target_: os.system, command: touch canary}\n",
    "# @package hydra.launcher\n_target_: os.system\ncommand: touch canary\n",
    "# @package hydra.job_logging\nhandlers: {x: {(): os.system, command: touch canary}}\n",
    "# @package _global_\nhydra: {sweeper: {_target_: os.system}}\n",
    "# @package _global_\nplugins: [evil]\nmodel: {_target_: evil.Evil}\n",
]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module whose import alone makes the canary."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "evil.py").write_text(
        f"open({CANARY!r}, 'w').close()\n\nclass Evil:\n    def __init__(self, **_): pass\n"
    )
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    return folder


def refused(
    words: Sequence[str], work: Path, capsys: pytest.CaptureFixture[str], *codes: int
) -> str:
    code = run(words)
    error = capsys.readouterr().err
    assert code in codes, error
    assert error.count("\n") == 1
    assert "a bug" not in error
    assert not (work / CANARY).exists()
    return error


@pytest.mark.parametrize("words", ON_THE_LINE, ids=" ".join)
def test_on_the_command_line(
    words: list[str], work: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(Experiment, "train", None)
    refused(words, work, capsys, 2)
    assert not (work / "outputs").exists()


@pytest.mark.parametrize("text", IN_A_FILE)
def test_in_a_file_of_yaml(
    text: str, work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Experiment, "train", None)
    group = "experiment" if "@package" in text else "optimizer"
    path = work / "own" / group / "mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    words = ["--config-dir", "own", ("+" if group != "optimizer" else "") + f"{group}=mine"]
    refused([w.lstrip("+") for w in words], work, capsys, 2)
    assert not (work / "outputs").exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps, with more to do."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        words = [*SMALL, "model=autoencoder", "steps=2", "hydra.run.dir=run"]
        return genrun.train(last_wins(words), quiet=True).path


def config_with(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        changed = re.sub(old, lambda _: new, text, count=1, flags=re.MULTILINE)
        assert changed != text
        return changed

    return change


MODEL = r"genrun\.components\.model\.autoencoder\.Autoencoder"
SAVED = [
    *(config_with(MODEL, target or "''") for target in TARGETS),
    config_with(r"latent_dim: null", "latent_dim: {_target_: os.system, command: touch canary}"),
    config_with(r"latent_dim: null", "latent_dim: [{_target_: os.system}]"),
    config_with(r"latent_dim: null", "latent_dim: null\n  _partial_: true"),
    config_with(r"latent_dim: null", "latent_dim: null\n  _args_: [touch canary]"),
    config_with(r"latent_dim: null", "latent_dim: !!python/object/apply:os.system [touch canary]"),
    config_with(r"latent_dim: null", "latent_dim: ${oc.env:HOME}"),
    config_with(r"latent_dim: null", "latent_dim: ${oc.decode:${oc.env:HOME}}"),
    config_with(r"^plugins: \[\]", "plugins: [evil]\nhydra: {}"),
    config_with(r"^data:\n", "data: &a [*a]\nother:\n"),
    lambda text: text.replace("plugins: []", "plugins: [evil]").replace(
        "genrun.components.model.autoencoder.Autoencoder", "evil.Evil"
    ),
    lambda text: "[" * 5000,
    lambda text: "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{n}: &{n} [{','.join([f'*{o}'] * 10)}]\n"
        for o, n in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    lambda text: "x" * 10_000_000,
    lambda text: "",
    lambda text: "steps: 3\n",
]  # fmt: skip


@pytest.mark.parametrize("verb", ["resume", "sample"])
@pytest.mark.parametrize("change", SAVED, ids=lambda _: "")
def test_in_a_saved_run(
    verb: str,
    change: Callable[[str], str],
    trained: Path,
    work: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(trained, work / "run")
    path = work / "run" / "config.yaml"
    path.write_text(change(path.read_text()))
    words = ["steps=4"] if verb == "resume" else ["count=1"]
    error = refused([verb, "run", *words], work, capsys, 2, 76)
    assert str(Path.home()) not in error


def test_a_saved_optimizer(trained: Path, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(trained, work / "run")
    path = work / "run" / "config.yaml"
    path.write_text(config_with(r"torch\.optim\.Adam", "subprocess.Popen")(path.read_text()))
    refused(["resume", "run", "steps=4"], work, capsys, 2, 76)


@pytest.mark.parametrize(
    ("group", "target"),
    [("model", "genrun.components.model.gan.Tensor"), ("data", "genrun.components.data.idx.Path"),
     ("optimizer", "pytorch_optimizer.optimizer.lion.BaseOptimizer"),
     ("optimizer", "genrun.components.optimizer.muon.Mapping"),
     ("data", "genrun.components.data._array_files.BinaryIO"),
     ("optimizer", "torch.optim.optimizer.Any")],
)  # fmt: skip
def test_a_class_is_defined_where_it_is_allowed_not_only_reached_from_there(
    group: str, target: str
) -> None:
    with pytest.raises(ConfigError, match=r"is defined in|is not a class"):
        find_class(group, {"_target_": target}, [])


@pytest.mark.parametrize(
    ("name", "package"),
    [("lion", "pytorch_optimizer"), ("prodigy", "prodigyopt"),
     ("schedule_free_sgd", "schedulefree")],
)  # fmt: skip
def test_a_package_that_is_not_there_is_named_with_its_extra(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = compose([f"optimizer={name}"]).config["optimizer"]
    for module in [m for m in sys.modules if m.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=r"needs pip install 'genrun\[optim\]'"):
        find_class("optimizer", settings, [])


def test_there_are_forty_and_more() -> None:
    assert min(len(ON_THE_LINE), len(SAVED)) >= 40


def test_names_are_written_out(
    work: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = work / "[red]x\x1b[31m\n"
    shutil.copytree(trained, hostile / "run")
    for words in (["list", hostile.name], ["show", f"{hostile.name}/run"], ["show", hostile.name]):
        run(words)
        shown = "".join(capsys.readouterr())
        assert "\x1b" not in shown
        assert r"[red]x\x1b[31m\n" in shown.replace("\n", "")


def test_names_are_written_out_by_the_displays_and_in_the_log(
    work: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = work / "[red]x\x1b[31m"
    hostile.mkdir()
    shutil.copyfile(
        next(Path(w.split("=")[1]) for w in SMALL if w.startswith("data.root="))
        / "train-images-idx3-ubyte",
        hostile / "train-images-idx3-ubyte",
    )
    words = [*SMALL, f"data.root='{hostile.name}'", "steps=1", f"hydra.run.dir='{hostile.name}/r'"]
    assert run(last_wins([*words, "data.name='[red]x\x1b[31m'"])) == 0
    assert "\x1b" not in (shown := capsys.readouterr().out)
    assert r"folder: [red]x\x1b[31m/r" in shown
    written = [path.read_bytes() for path in hostile.glob("r/*.json*")]
    assert written
    assert not any(b"\x1b" in content for content in written)
    assert json.loads((hostile / "r" / "run.json").read_text())["data"]["name"] == hostile.name

    console = Console(record=True, force_terminal=True, width=100)
    live = LiveDisplay(console)
    live.note("[red]x\x1b[31m")
    live.finish("finished", "[red]x\x1b[31m", {"folder": "[red]x\x1b[31m"})
    assert console.export_text().count(r"[red]x\x1b[31m") == 3


def test_no_environment_variable_is_written(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENRUN_TEST_SECRET", "hush-hush")
    words = [*SMALL, "model=autoencoder", "steps=1", "hydra.run.dir=run"]
    refused(last_wins([*words, "data.name=${oc.env:GENRUN_TEST_SECRET}"]), work, capsys, 2)
    assert run(last_wins(words)) == 0
    files = [path for path in (work / "run").rglob("*") if path.is_file()]
    assert (work / "run" / ".hydra" / "config.yaml") in files
    assert not any(b"hush-hush" in path.read_bytes() for path in files)
