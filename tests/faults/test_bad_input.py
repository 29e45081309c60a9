"""Every bad input of the contract: one line, the right exit code, nothing created."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from PIL import Image

import genrun
from genrun.cli import run
from genrun.experiment.experiment import Experiment
from tests.conftest import SMALL, choices, last_wins

MODELS = ", ".join(choices("model"))
FOLDER = ["data=image_folder", "data.root=pictures"]


@dataclass(frozen=True)
class Case:
    """What is typed, what must come back, and what must lie there before."""

    line: str | list[str]  # split at spaces, or as they are
    code: int
    says: str
    prepare: Callable[[Path], None] | None = None
    environment: dict[str, str] | None = None

    @property
    def words(self) -> list[str]:
        return self.line.split() if isinstance(self.line, str) else self.line

    def __str__(self) -> str:
        return " ".join(self.words)[:60]


def pictures(good: int, bad: int = 0) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        (folder / "pictures").mkdir()
        for index in range(good):
            pixels = np.full((8, 8, 3), index, np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / f"good{index}.png")
        for index in range(bad):
            (folder / "pictures" / f"bad{index}.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")

    return prepare


def file(name: str, content: bytes | str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return prepare


def folder_named(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).mkdir(parents=True)


def own_optimizer(text: str | bytes) -> Callable[[Path], None]:
    return file("own/optimizer/mine.yaml", text)


def idx(content: bytes) -> Callable[[Path], None]:
    return file("idx/train-images-idx3-ubyte", content)


def unwritable(folder: Path) -> None:
    (folder / "outputs").write_text("a file where the folder would be")


OWN = "--config-dir own optimizer=mine"
ADAM = "_target_: torch.optim.Adam\nlr: 0.1\n"
BOMB = "_target_: torch.optim.Adam\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
IDX_HEADER = b"\0\0\x08\x03" + b"\0\0\0\x09" + b"\0\0\0\x04" * 2
LONG = "x" * 300

NAMES = [
    Case("optimizer.lrr=1", 2, "did you mean lr?"),
    Case("modle=gan", 2, "did you mean model?"),
    Case("model=gann", 2, "did you mean gan?"),
    Case("model=nothing_like_it", 2, MODELS),
    Case("regularization=bach_norm", 2, "did you mean batch_norm?"),
    Case("regularization=[dropout,bach_norm]", 2, "did you mean batch_norm?"),
    Case("+foo=1", 2, "foo: there is no such key"),
    Case("++foo=1", 2, "foo: there is no such key"),
    Case("++optimizer.lrr=1", 2, "lrr"),
    Case("+optimizer.lrr=1", 2, "did you mean lr?"),
    Case(["lr 0.1"], 2, "KEY=VALUE"),
    Case(["steps=1", "lr", "0.1"], 2, "lr"),
    Case("steps=", 2, "steps=: must be an integer"),
    Case("optimizer.lr=", 2, "optimizer.lr=: must be a number"),
    Case("model=", 2, f"model=: there is no such choice of model ({MODELS})"),
    Case("=1", 2, "=1: must be KEY=VALUE"),
    Case("=", 2, "KEY=VALUE"),
    Case([""], 2, "KEY=VALUE"),
    Case("~", 2, "KEY=VALUE"),
    Case("steps=1 steps=2", 2, "steps: is given twice (steps=1, steps=2)"),
    Case("model=vae model=gan", 2, "model: is given twice"),
    Case("steps=1 ++steps=2", 2, "steps: is given twice"),
    Case("-m seed=1,2 seed=3", 2, "seed: is given twice"),
    Case("~optimizer.lr", 2, "optimizer.lr: is required and was removed"),
    Case("~optimizer", 2, "optimizer=CHOICE"),
    Case("~steps", 2, "steps: is required and was removed"),
    Case("~seed=0", 2, "seed: is required and was removed"),
    Case("~players", 2, "players: is required and was removed"),
    Case("~runtime.device", 2, "runtime.device: "),
    Case("steps=???", 2, "steps: must be given, as steps=VALUE"),
    Case("stopping=target", 2, "stopping.target.value: must be given"),
    Case("sampel x", 2, "did you mean sample?"),
    Case("--foo", 2, "--foo"),
    Case("--config-name x", 2, "--config-dir"),
    Case("--config-dir nowhere", 2, "there is no such folder"),
    Case("--cfg job model=gann", 2, "did you mean gan?"),
    Case("--cfg", 2, "--hydra-help"),
    Case("experiment=nothing", 2, "digits"),
    Case("model=null", 2, "model=null: one choice must be given, as model=CHOICE"),
    Case("~model", 2, "model: one choice must be given, as model=CHOICE"),
    Case("optimizer=[adam]", 2, "optimizer"),
    Case("model=../../../etc/passwd", 2, "a choice is a name, not a path"),
    Case("players.critic.optimizer.lr=1", 2, "generator"),
    Case("players.generator=3", 2, "no such key in players"),
]
TYPES = [
    Case("epochs=1.5", 2, "an integer"),
    Case("epochs=abc", 2, "an integer"),
    Case("steps=abc", 2, "an integer"),
    Case("steps=null", 2, "steps=null: must have a value"),
    Case("runtime.device=null", 2, "runtime.device=null: must have a value"),
    Case("optimizer.lr=null", 2, "optimizer.lr=null: must be a number"),
    Case("optimizer.lr=abc", 2, "a number"),
    Case("optimizer.lr=[1,2]", 2, "optimizer.lr=[1, 2]: must be a number"),
    Case("steps=[1]", 2, "steps=[1]: must be an integer"),
    Case("seed={a:1}", 2, "seed"),
    Case("optimizer.betas=0.9", 2, "a list such as [0.9, 0.999]"),
    Case("optimizer.betas=[0.9]", 2, "optimizer"),
    Case("optimizer.amsgrad=maybe", 2, "true or false"),
    Case("runtime.compile=maybe", 2, "true or false"),
    Case("runtime.threads=many", 2, "an integer"),
    Case("model=autoencoder model.latent_dim=abc", 2, "latent_dim=abc: must be a number"),
    Case("model=autoencoder model.latent_dim=1.5", 2, "must be an integer"),
    Case("data=mnist data.root=5", 2, "data.root=5: must be text"),
    Case("data=mnist data.root=[a]", 2, "must be text"),
    Case("regularization=batch_norm regularization.batch_norm.networks=generator", 2, "a list"),
    Case("stopping=target stopping.target.value=abc", 2, "must be a number"),
    Case("stopping=early stopping.early.monitor=5", 2, "must be text"),
    Case("plugins=5", 2, "plugins"),
    Case("regularization=5", 2, "regularization=5"),
    Case("optimizer.lr=1,2", 2, "genrun -m optimizer.lr=1,2"),
    Case("optimizer.lr=1,2", 2, "[1,2]"),
    Case("sweep=lr", 2, "genrun -m"),
    Case("steps=0777", 2, "write 777"),
    Case("seed=-007", 2, "write -7"),
    Case("-m steps=01,02", 2, "write 1"),
    Case("steps=12:30:00", 2, "must be an integer"),
    Case("optimizer.lr=12:30:00", 2, "must be a number"),
    Case("optimizer.lr='NaN'", 2, "must be a number"),
    Case("optimizer.betas=[0.9", 2, "brackets and quotes closed"),
    Case("optimizer.lr='1", 2, "brackets and quotes closed"),
    Case("optimizer.lr=1=2", 2, "KEY=VALUE"),
    Case(OWN, 2, "mine.yaml:2: ", own_optimizer("_target_: torch.optim.Adam\n\tlr: 0.1\n")),
    Case(OWN, 2, "mine.yaml:3: ", own_optimizer("_target_: torch.optim.Adam\nbetas: [0.9\n")),
    Case(OWN, 2, "mine.yaml:3: holds the control character", own_optimizer(f"{ADAM}eps: 1\0\n")),
    Case(OWN, 2, "mine.yaml:3: the key lr stands on line 2 too", own_optimizer(f"{ADAM}lr: 1\n")),
    Case(OWN, 2, "mine.yaml:3: YAML reads 0777 as 511", own_optimizer(f"{ADAM}eps: 0777\n")),
    Case(OWN, 2, "reads 12:30:00 as 45000", own_optimizer(f"{ADAM}eps: 12:30:00\n")),
    Case(OWN, 2, "mine.yaml:2: is not UTF-8", own_optimizer(b"a: 1\nb: \xff\n")),
    Case(OWN, 2, "mine.yaml:1: must be KEY: VALUE", own_optimizer("- a\n- b\n")),
    Case(OWN, 2, "mine.yaml:1: must be KEY: VALUE", own_optimizer("only text\n")),
    Case(OWN, 2, "mine.yaml:3: the key 1 must be text", own_optimizer(f"{ADAM}1: 2\n")),
    Case(OWN, 2, "single document", own_optimizer(f"{ADAM}---\n{ADAM}")),
    Case(OWN, 2, "optimizer._target_", own_optimizer("")),
    Case(OWN, 2, "bytes", own_optimizer("# " + "x" * 300_000)),
    Case(OWN, 2, "nested", own_optimizer("a: " + "[" * 500 + "]" * 500)),
    Case(OWN, 2, "no such choice", folder_named("own/optimizer/mine.yaml")),
]
RANGES = [
    Case("optimizer.lr=-1", 2, "optimizer.lr=-1: must be at least 0"),
    Case("optimizer.lr=nan", 2, "finite"),
    Case("optimizer.lr=inf", 2, "finite"),
    Case("optimizer.lr=-inf", 2, "finite"),
    Case("optimizer.lr=1e999", 2, "finite"),
    Case("data.batch_size=0", 2, "at least 1"),
    Case("data.batch_size=-1", 2, "at least 1"),
    Case("data.batch_size=9001", 2, "9000"),
    Case("data.held_out=10000", 2, "9999"),
    Case("epochs=0", 2, "from 1 to"),
    Case("epochs=100000000000000000000000", 2, "epochs=100000000000000000000000: must be from 1"),
    Case("steps=0", 2, "from 1 to"),
    Case("steps=" + "9" * 5000, 2, "steps"),
    Case("optimizer.betas=[0.9,1]", 2, "betas=1: must be from 0 to below 1"),
    Case("optimizer.betas=[0.9,1.5]", 2, "betas=1.5"),
    Case("regularization=dropout regularization.dropout.p=1.5", 2, "below 1"),
    Case("model.latent_dim=0", 2, "at least 1"),
    Case("model=vq_vae model.prior_layers=100000", 2, "from 1 to 1000"),
    Case("data=binarized_digits data.binarization_seed=-1", 2, "from 0 to below 2^63"),
    Case("model=vae model.latent_dim=-3", 2, "at least 1"),
    Case("save_every=0", 2, "at least 1"),
    Case("stopping=early stopping.early.patience=0", 2, "at least 1"),
    Case("seed=-1", 2, "from 0 to below 2^63"),
    Case("seed=9223372036854775808", 2, "from 0 to below 2^63"),
    Case("runtime.threads=999", 2, "cores"),
    Case("runtime.precision=fp16", 2, "fp32 or bf16"),
    Case("data.batch_size=1 regularization=batch_norm", 2, "at least 2 images"),
    Case("backbone=conv backbone.channels=[1,2,3,4,5]", 2, "4 times"),
    Case("schedule.warmup_steps=-1", 2, "at least 0"),
]
INTERPOLATION = [
    Case("seed=${steps} steps=${seed}", 2, "Recursive interpolation"),
    Case("seed=${seed}", 2, "Recursive interpolation"),
    Case("seed=${oc.env:GENRUN_NO_SUCH}", 2, "environment variable"),
    Case("data=mnist data.root=${oc.env:CANARY}", 2, "data.root", environment={"CANARY": "hush"}),
    Case("seed=${nope:1}", 2, "seed"),
    Case("seed=${nope}", 2, "'nope' not found"),
    Case("seed=${model}", 2, "seed"),
    Case("runtime.threads=${model._target_}", 2, "runtime.threads"),
    Case(["seed=${"], 2, "seed"),
    Case(OWN, 2, "aliases stand for more than", own_optimizer(BOMB)),
    Case(f"--cfg job {OWN}", 2, "aliases stand for more than", own_optimizer(BOMB)),
    Case(OWN, 2, "an alias within", own_optimizer("a: &a [*a]\n")),
]
CONFLICTS = [
    Case("model=vae model.discriminator_turns=2", 2, "latent_dim, importance_samples"),
    Case("model=vae regularization=r1", 2, "needs a model with a discriminator"),
    Case("model=vae players.generator.optimizer.lr=1", 2, "players of this model are vae"),
    Case(
        "regularization=spectral_norm regularization.spectral_norm.networks=[critic]",
        2,
        "discriminator, generator",
    ),
    Case("stopping=early stopping.early.monitor=fid", 2, "sliced_wasserstein"),
    Case("metric=[]", 2, "sliced_wasserstein"),
    Case(OWN, 2, "several times a step", own_optimizer("_target_: torch.optim.LBFGS\nlr: 1.0\n")),
    Case("schedule.factor=2", 2, "schedule"),
    Case("hydra.mode=MULTIRUN", 2, "hydra.mode"),
]
DATA = [
    Case("data=mnist data.root=nowhere", 66, "nowhere"),
    Case("data=image_folder", 2, "data.root=FOLDER"),
    Case("data=image_folder data.root=nowhere", 66, "nowhere"),
    Case(FOLDER, 66, "is a file", file("pictures", "text")),
    Case(FOLDER, 66, "has no image", folder_named("pictures")),
    Case(FOLDER, 65, "pictures/bad0.png", pictures(9, 1)),
    Case([*FOLDER, "data.skip_bad=true"], 65, "none of the 3 images", pictures(0, 3)),
    Case([*FOLDER, "data.held_out=9"], 2, "from 1 to 8", pictures(9)),
    Case("data=mnist data.root=idx", 65, "0x62726f6b", idx(b"broken" * 9)),
    Case("data=mnist data.root=idx", 65, "too few", idx(b"")),
    Case("data=mnist data.root=idx", 65, "9 images of 4x4 need", idx(IDX_HEADER + b"\0" * 20)),
    Case(
        "data=mnist data.root=idx",
        65,
        "gzip",
        file("idx/train-images-idx3-ubyte.gz", b"\x1f\x8b\x08\0\0\0\0\0"),
    ),
    Case("-m data=mnist data.root=nowhere seed=0,1", 66, "nowhere"),
    Case("data=array", 2, "data.path=FILE"),
    Case("data=array data.path=nowhere.npy", 66, "nowhere.npy"),
    Case("data=array data.path=model.pt", 2, "must end in .npy", file("model.pt", b"PK")),
    Case("data=array data.path=x.npy", 65, "x.npy: cannot be read", file("x.npy", b"broken")),
    Case(
        "data=array data.path=x.npy data.layout=nchw", 2, "data.layout=nchw: must be one of auto"
    ),
    Case("data=parquet data.path=nowhere", 66, "nowhere"),
    Case("data=parquet data.path=x.parquet", 65, "as Parquet", file("x.parquet", b"PAR1")),
    Case("data=cifar10 data.root=nowhere", 66, "data_batch_1.bin"),
    Case("data=cifar10 data.url=ftp://x", 2, "https://"),
    Case("data=ring data.modes=0", 2, "from 1 to 1000"),
    Case("data=ring data.std=0", 2, "above 0"),
    Case("data=ring model=vae", 2, "VAE takes each value for the probability"),
    Case("data=ring backbone=conv", 2, "the data are points, not images"),
    Case("data=spiral metric=[sliced_wasserstein,modes]", 2, "spiral has no known modes"),
]
OUTPUT = [
    Case("", 73, "outputs", unwritable),
    Case("hydra.run.dir=taken/run", 73, "cannot be created", file("taken", "a file")),
    Case(f"hydra.run.dir={LONG}", 73, "cannot be created"),
    Case("-m seed=1,2", 73, "outputs", unwritable),
    Case("list nowhere", 66, "nowhere"),
    Case("hydra.run.dir=/tmp/genrun-escaped", 2, "must lie below the folder"),
    Case("hydra.run.dir=../escaped", 2, "without .."),
    Case("hydra.run.dir=a/../../escaped", 2, "without .."),
    Case("hydra.run.dir=", 2, "must lie below"),
    Case("hydra.run.dir=.", 2, "must lie below"),
    Case("-m seed=1,2 hydra.sweep.dir=/tmp/genrun-escaped", 2, "must lie below the folder"),
    Case("-m seed=1,2 hydra.sweep.dir=../escaped", 2, "without .."),
    Case("-m seed=1,2 hydra.sweep.subdir=../../escaped", 2, "hydra.sweep.subdir"),
    Case("-m seed=1,2 hydra.sweep.subdir=same", 2, "hydra.sweep.subdir"),
    Case("hydra.output_subdir=../escaped", 2, "hydra.output_subdir"),
    Case("hydra.output_subdir=/tmp/genrun-escaped", 2, "hydra.output_subdir"),
    Case("hydra.output_subdir=.", 2, "hydra.output_subdir"),
    Case("hydra.job.chdir=true", 2, "hydra.job.chdir"),
]
CHECKPOINT = [
    Case("resume", 2, "the folder of one run"),
    Case("resume a b", 2, "the folder of one run"),
    Case("resume nowhere", 66, "nowhere"),
    Case("resume empty", 66, "is not a run's folder", folder_named("empty")),
    Case("resume model.pt", 76, "no pickle", file("model.pt", b"PK\x03\x04")),
    Case("resume ckpt.safetensors", 76, "a run's folder", file("ckpt.safetensors", b"12345678")),
    Case("sample model.pt", 76, "no pickle", file("model.pt", b"PK\x03\x04")),
    Case("sample nowhere cuont=3", 2, "did you mean count?"),
    Case("sample nowhere count=0", 2, "at least 1"),
    Case("sample nowhere seed=-1", 2, "at least 0"),
    Case("sample nowhere weights=middle", 2, "best or last"),
    Case("sample nowhere seed=1 seed=2", 2, "given twice"),
    Case("show nowhere", 66, "nowhere"),
    Case("show nowhere x=1", 2, "no settings"),
    Case("list a b", 2, "one folder"),
]
DEVICE = [
    Case("runtime.device=cuda:99", 69, "cuda:99"),
    Case("runtime.device=mps", 69, "mps"),
    Case("runtime.device=gpu", 2, "auto, cpu, cuda"),
    Case("runtime.device=cuda:x", 2, "auto, cpu, cuda"),
    Case("runtime.device=5", 2, "auto, cpu, cuda"),
]
SWEEPS_AND_TEXT = [
    Case("-m seed=", 2, "must be an integer"),
    Case("-m seed=range(0,0)", 2, "no value"),
    Case("-m seed=range(0,1000000000)", 2, "more than 1000 jobs"),
    Case("-m seed=range(0,100) steps=range(1,100)", 2, "more than 1000 jobs"),
    Case("-m optimizer.lr=1e-3,-1", 2, "optimizer.lr=-1: must be at least 0"),
    Case("-m model=gan,gann", 2, "did you mean gan?"),
    Case("-m seed=interval(0,1)", 2, "interval"),
    Case(["model=ga n"], 2, "did you mean gan?"),
    Case(["model=a=b"], 2, "KEY=VALUE"),
    Case(["model=gän"], 2, "model=gän"),
    Case(["model=🎉"], 2, "model=🎉"),
    Case(["model=\n"], 2, r"model=\n"),
    Case(["model='ga\nn'"], 2, r"ga\nn"),
    Case(["model='\x1b[31mred'"], 2, r"\x1b[31mred"),
    Case(["[bold]x[/bold]=1"], 2, "[bold]x[/bold]=1"),
    Case([f"model={LONG}"], 2, LONG),
    Case(["data=mnist", "data.root='../a b=c\n🎉'"], 66, r"../a b=c\n🎉"),
    Case(["data=mnist", f"data.root={LONG}"], 66, LONG),
    Case(["data=mnist", "data.root='[red]x'"], 66, "[red]x"),
]
SECRETS = [
    Case("+token=abc", 2, "token: is named like a secret"),
    Case("+secret=abc", 2, "secret: is named like a secret"),
    Case("++data.password=abc", 2, "data.password: is named like a secret"),
    Case("+optimizer.api_key=abc", 2, "api_key: is named like a secret"),
    Case("+hf_token=abc", 2, "hf_token: is named like a secret"),
    Case(OWN, 2, "optimizer.api_key: is named", own_optimizer(f"{ADAM}api_key: hush\n")),
]
CASES = [
    *NAMES, *TYPES, *RANGES, *INTERPOLATION, *CONFLICTS, *DATA, *OUTPUT, *CHECKPOINT, *DEVICE,
    *SWEEPS_AND_TEXT, *SECRETS,
]  # fmt: skip
IN_A_PROCESS = [
    *NAMES[:11],
    *TYPES[:2],
    *RANGES[:3],
    *INTERPOLATION[:4],
    *OUTPUT[:6],
    *SECRETS[:4],
]


def prepared(case: Case, folder: Path) -> list[Path]:
    if case.prepare:
        case.prepare(folder)
    return sorted(folder.rglob("*"))


def state() -> tuple[object, ...]:
    """What a call in a process must leave as it was."""
    handlers = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    hydra = (GlobalHydra.instance().is_initialized(), HydraConfig.instance().cfg)
    return os.getcwd(), list(sys.argv), handlers, hydra


def trains(*_: object) -> None:
    raise AssertionError("it was not refused, and would have been trained")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bad_input_is_one_line_and_creates_nothing(
    case: Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    before = prepared(case, folder)
    monkeypatch.chdir(folder)
    for name, value in (case.environment or {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Experiment, "train", trains)
    was = state()
    code = run(case.words)
    error = capsys.readouterr().err
    assert (code, len(said(error))) == (case.code, 1), error
    assert case.says in error
    assert said(error)[0].startswith("genrun: ")
    assert "\x1b" not in error
    assert "hush" not in error
    assert sorted(folder.rglob("*")) == before
    assert not Path("/tmp/genrun-escaped").exists()
    assert state() == was


def said(text: str) -> list[str]:
    """The lines, without the announcements of what takes long where no bar can be shown."""
    return [line for line in text.splitlines() if not line.startswith("decoding ")]


@pytest.mark.parametrize("case", IN_A_PROCESS, ids=str)
def test_bad_input_through_the_real_command(case: Case, tmp_path: Path) -> None:
    before = prepared(case, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "genrun", *case.words],
        cwd=tmp_path,
        env={**os.environ, **(case.environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, len(said(done.stderr))) == (case.code, 1), done.stderr
    assert case.says in done.stderr
    assert done.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_there_are_thirty_of_those() -> None:
    assert len(IN_A_PROCESS) == 30


def test_bytes_that_are_no_text_and_a_terminal_that_shows_only_ascii(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "genrun", b"model=\xff\xfe", "data.root='🎉'"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("sweep", [[], ["-m"]])
def test_too_little_room_is_said_before_training(
    sweep: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 5000, 5000))
    assert run([*sweep, *SMALL]) == 74
    assert "two checkpoints need about" in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()


def test_the_room_asked_for_is_what_checkpoints_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Callable[..., object]
) -> None:
    from genrun.experiment.memory import checkpoint_bytes

    monkeypatch.chdir(tmp_path)
    words = ["model=gan", "optimizer=adam", "regularization=ema"]
    trained = genrun.train([*SMALL, *words], quiet=True)
    written = [path.stat().st_size for path in trained.path.glob("checkpoints/ckpt-*")]
    assert checkpoint_bytes(small(*words)) == pytest.approx(max(written), rel=0.02)


def test_bad_images_that_are_left_out_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures(30, 2)(tmp_path)
    words = [*SMALL, *FOLDER, "data.skip_bad=true", "data.held_out=9", "data.size=8", "steps=2"]
    for _ in range(2):  # decoded, then from the cache
        assert run(last_wins([*words, "hydra.run.dir=outputs/run"])) == 0
        assert "2 bad files left out" in capsys.readouterr().out
    assert genrun.Run.open("outputs/run").info["data"]["skipped"] == 2


def test_values_twice_in_a_sweep_are_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["-m", *SMALL, "steps=1", "seed=1,1,2", "hydra.sweep.dir=swept"]
    assert run(last_wins(words)) == 0
    output = capsys.readouterr().out
    assert "listed twice, run once: seed=1" in output
    assert "[2/2]" in output
    assert sorted(path.name for path in tmp_path.glob("swept/*/run.json")) == ["run.json"] * 2
