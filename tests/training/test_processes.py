"""Several processes that train one run against a single process, in float64."""

from __future__ import annotations

import copy
import functools
import os
import signal
from pathlib import Path

import pytest
import torch

from genrun.config.compose import Composed, compose
from genrun.core import noise
from genrun.core.errors import ConfigError, GenrunError, OutputFailed, ProcessLost
from genrun.core.noise import Key, fold_in
from genrun.core.types import BatchShard, DataSpec, Picture
from genrun.experiment.build import Built, build
from genrun.experiment.experiment import Experiment
from genrun.runs.checkpoint import sound_checkpoints
from genrun.runs.folder import RunFolder
from genrun.terminal.plain import SilentDisplay
from tests.conftest import SMALL, last_wins
from tests.processes import together

pytestmark = pytest.mark.usefixtures("float64")
CONV = ["backbone=conv", "backbone.channels=[4]", "backbone.hidden=[]"]
# a bias before BatchNorm has no gradient but rounding, which Adam would make steps of
SYNCHRONIZED = ["runtime.sync_batch_norm=true", "optimizer=sgd", "optimizer.lr=0.1"]
LOGGED = ["log_every=3", "evaluate_every=5", "save_every=5"]


@functools.cache
def composed(words: tuple[str, ...]) -> Composed:
    body = [] if "backbone=conv" in words else ["backbone.hidden=[16]"]
    return compose(last_wins([*SMALL, *LOGGED, *body, *words]))


def prepare(*words: str) -> Experiment:
    made = composed(words)
    return Experiment.prepare(copy.deepcopy(made.config), made.choices, made.overrides)


def train(folder: Path, *words: str) -> str:
    """Trains in an empty folder or resumes; returns the status."""
    experiment = prepare(*words)
    if experiment.built.processes.rank == 0 and not folder.exists():
        folder.mkdir()
    if (folder / "run.json").exists():
        return experiment.resume(RunFolder.open(folder), SilentDisplay()).status
    return experiment.train(folder, SilentDisplay()).status


def final(folder: Path) -> tuple[str, bytes]:
    newest = max(path.name for path in (folder / "checkpoints").glob("ckpt-*"))
    return newest, (folder / "metrics.jsonl").read_bytes()


def steps(count: int, *words: str) -> dict[str, torch.Tensor]:
    """The networks' parameters and buffers after some steps."""
    built = built_of(*words)
    for step in range(1, count + 1):
        built.step(step)
    return {
        name: tensor.detach().clone() for name, tensor in built.trial.nets.state_dict().items()
    }


def built_of(*words: str) -> Built:
    return build(copy.deepcopy(composed(words).config), [])


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert list(one) == list(other)
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=1e-12, atol=1e-12, msg=name)


EQUAL = [
    ["model=vae", "regularization=[dropout,ema,gradient_clip,l1]"],
    ["model=gan", "regularization=[dropout,r1,ema,gradient_clip]"],
    ["model=gan", "regularization=[spectral_norm,label_smoothing,l2]",
     "model.discriminator_turns=3", "players.generator.optimizer=sgd"],
    ["model=autoencoder", "regularization=[dropout,gradient_clip]", "optimizer=rmsprop"],
    ["model=vae", *CONV, "regularization=dropout"],
    ["model=gan", "updates=extragradient", "regularization=r1"],
    ["model=gan", "updates=consensus", "updates.gamma=0.1", "regularization=[r1,gradient_clip]"],
    ["model=vae", "regularization=[sam,dropout]"],
    ["model=gan", "regularization=[batch_norm,dropout,r1,ema]", *SYNCHRONIZED],
    ["model=gan", *CONV, "regularization=[batch_norm,r1]", *SYNCHRONIZED],
]  # fmt: skip


@pytest.mark.parametrize("words", EQUAL, ids=" ".join)
def test_two_processes_train_like_one(words: list[str], tmp_path: Path) -> None:
    """State of networks, averages and optimizers, and every row of the log, to 1e-12."""
    assert train(tmp_path / "one", *words) == "finished"
    assert together(lambda: train(tmp_path / "two", *words)) == ["finished"] * 2
    one, two = (
        next(sound_checkpoints(tmp_path / name / "checkpoints")) for name in ("one", "two")
    )
    assert one.step == two.step == 12
    assert one.record["best"] == pytest.approx(two.record["best"], rel=1e-12)
    assert_same(one.tensors(), two.tensors())
    rows, others = (RunFolder(tmp_path / name).rows() for name in ("one", "two"))
    assert len(rows) == len(others) == 7
    for row, other in zip(rows, others, strict=True):
        # distances between samples that are nearly the same lose digits
        assert other == pytest.approx(row, rel=1e-9, abs=1e-12)


def test_three_processes_train_like_one() -> None:
    words = ("model=gan", "regularization=[dropout,r1]", "data.batch_size=6")
    alone = steps(4, *words)
    for state in together(lambda: steps(4, *words), size=3):
        assert_same(state, alone)


def test_all_processes_have_equal_bits_and_rank_0s_statistics() -> None:
    words = ("model=gan", "regularization=[batch_norm,dropout]")
    one, two = together(lambda: steps(4, *words))
    assert any("running_mean" in name for name in one)
    for name, tensor in one.items():
        assert torch.equal(tensor, two[name]), name


def test_third_party_layers_draw_different_noise_for_each_shard() -> None:
    """torch's own dropout draws from the global generators, which the step seeds."""

    def drawn() -> list[float]:
        built_of("model=vae").step(1)
        return torch.rand(3).tolist()  # type: ignore[no-any-return]

    one, two = together(drawn)
    assert one == drawn()
    assert one != two


def test_batch_norm_sees_its_shard_only_unless_synchronized() -> None:
    """Each shard is normalized by its own statistics; rank 0's are saved."""
    words = ("model=vae", "regularization=[batch_norm]", "optimizer=sgd", "optimizer.lr=0.1")
    built = built_of(*words)
    nets, batch = built.trial.nets, built.data.batch(0)
    key = Key(fold_in(fold_in(0, "step", 1), "vae", 0))
    halves = []
    for index in (0, 1):
        share = BatchShard(index, 2, 4)
        own = copy.deepcopy(nets)
        with noise.layer_keys(key, share):
            loss, _ = built.model.loss("vae", own, batch[4 * index :][:4], key.fold("loss"))
        halves.append((own, torch.autograd.grad(loss, list(own.parameters()))))
    expected = halves[0][0]
    for parameter, one, other in zip(
        expected.parameters(), halves[0][1], halves[1][1], strict=True
    ):
        parameter.data -= 0.1 * (one + other) / 2
    local = together(lambda: steps(1, *words))[1]
    assert_same(local, expected.state_dict())
    synchronized = together(lambda: steps(1, *words, "runtime.sync_batch_norm=true"))[1]
    assert_same(synchronized, steps(1, *words))
    assert not torch.allclose(synchronized["encoder.0.added_0.running_mean"],
                              local["encoder.0.added_0.running_mean"])  # fmt: skip


RESUMED = [
    ["model=vae", "regularization=[batch_norm,dropout,ema]", "schedule=cosine"],
    ["model=gan", "regularization=[batch_norm,r1,dropout]", "runtime.sync_batch_norm=true",
     "stopping=early", "stopping.early.patience=9"],
    ["model=autoencoder", "regularization=[spectral_norm,gradient_clip]"],
]  # fmt: skip


class Signals(SilentDisplay):
    """Sends a signal to its own process after a step, if that process has the chosen rank."""

    def __init__(self, rank: int, step: int) -> None:
        self._at = step if os.environ["RANK"] == str(rank) else None
        self._step = 0

    @property
    def step(self) -> int:
        return self._step

    @step.setter
    def step(self, value: int) -> None:
        self._step = value
        if value == self._at:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize(("rank", "words"), list(zip((1, 0, 1), RESUMED, strict=True)))
def test_a_signal_to_one_process_stops_all_and_they_resume_exactly(
    rank: int, words: list[str], tmp_path: Path
) -> None:
    def stopped() -> tuple[str, int]:
        experiment = prepare(*words)
        outcome = experiment.train(tmp_path / "stopped", Signals(rank, step=7))
        return outcome.status, experiment.built.trial.step

    assert together(lambda: train(tmp_path / "alone", *words)) == ["finished"] * 2
    (tmp_path / "stopped").mkdir()
    assert together(stopped) == [("interrupted", 8)] * 2
    assert together(lambda: train(tmp_path / "stopped", *words)) == ["finished"] * 2
    assert final(tmp_path / "stopped") == final(tmp_path / "alone")
    (part,) = RunFolder(tmp_path / "stopped").read()["resumed"]
    assert part == {"step": 8, "exact": True, "changed": {}}


def test_a_changed_number_of_processes_is_reported_and_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    experiment = prepare("model=vae")
    experiment.train(folder, SilentDisplay(), lambda: experiment.built.trial.step >= 5)
    assert together(lambda: train(folder, "model=vae")) == ["finished"] * 2
    (part,) = RunFolder(folder).read()["resumed"]
    assert part == {"step": 5, "exact": False, "changed": {"processes": [1, 2]}}


@pytest.mark.parametrize("rank", [0, 1])
def test_a_nan_in_one_process_ends_all_as_diverged(rank: int, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()

    def broken() -> tuple[str, str]:
        experiment = prepare("model=vae", "regularization=batch_norm")
        data = experiment.built.data
        whole = data.batch
        if experiment.built.processes.rank == rank:
            data.batch = lambda index: whole(index) * (torch.nan if index == 6 else 1)  # type: ignore[method-assign]
        outcome = experiment.train(folder, SilentDisplay())
        return outcome.status, outcome.reason

    first, second = together(broken)
    assert first == second
    assert first == ("diverged", "vae/loss was nan at step 7")
    assert RunFolder(folder).read()["status"] == "diverged"


def test_non_finite_samples_on_rank_0_end_all_processes(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()

    def broken() -> tuple[str, str]:
        experiment = prepare("model=vae")
        evaluation = experiment.built.evaluation
        if experiment.built.processes.rank == 0:
            picture = Picture(torch.full((1, 1, 2, 2), torch.nan), DataSpec(1, 2, 2))
            evaluation.pictures = lambda: {"": picture}  # type: ignore[method-assign]
        outcome = experiment.train(tmp_path / "run", SilentDisplay())
        return outcome.status, outcome.reason

    assert together(broken) == [("diverged", "samples is not finite at step 0")] * 2


def test_a_failed_write_on_rank_0_ends_all_processes(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()

    def broken() -> str:
        experiment = prepare("model=vae")
        if experiment.built.processes.rank == 0:
            (tmp_path / "run" / "samples").write_text("not a folder")
        return experiment.train(tmp_path / "run", SilentDisplay()).status

    errors = together(broken)
    assert isinstance(errors[0], OutputFailed)
    assert isinstance(errors[1], ProcessLost), "the other process ended too"


def test_a_budget_of_seconds_stops_all_at_the_same_step(tmp_path: Path) -> None:
    """The clocks of processes differ; rank 0's is used."""
    (tmp_path / "run").mkdir()

    def trained() -> tuple[str, int]:
        experiment = prepare(
            "model=vae", "stopping=budget", "stopping.budget.seconds=0.3", "steps=1000000",
            "save_every=1000000", "evaluate_every=1000000",
        )  # fmt: skip
        outcome = experiment.train(tmp_path / "run", SilentDisplay())
        return outcome.status, experiment.built.trial.step

    first, second = together(trained)
    assert first == second
    assert first[0] == "stopped_early"


def test_only_rank_0_writes_and_locks(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()

    class Looks(SilentDisplay):
        """Records which of the run's files the process has open."""

        seen: tuple[str, ...] = ()

        @property
        def step(self) -> int:
            return 0

        @step.setter
        def step(self, value: int) -> None:
            links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
            opened = [os.readlink(link) for link in links if link.is_symlink()]
            Looks.seen = tuple(sorted(o for o in opened if o.startswith(str(tmp_path / "run"))))

    def trained() -> tuple[str, ...]:
        prepare("model=vae").train(tmp_path / "run", Looks())
        return Looks.seen

    first, second = together(trained)
    assert [Path(name).name for name in first] == [".lock", "metrics.jsonl", "timings.jsonl"]
    assert second == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data.batch_size=7"], "data.batch_size=7: must be a multiple of 2"),
        (["data.batch_size=2", "regularization=batch_norm"], "sync_batch_norm=true"),
        (["runtime.sync_batch_norm=true", "runtime.compile=true"], "compile=false"),
        (["runtime.device=mps"], "mps"),
    ],
)
def test_settings_that_cannot_be_distributed_are_refused_before_anything_is_created(
    words: list[str], message: str
) -> None:
    for error in together(lambda: prepare("model=vae", *words)):
        assert isinstance(error, GenrunError)
        assert message in str(error)


def test_another_configuration_in_one_process_is_refused() -> None:
    def prepared() -> None:
        prepare("model=vae", f"seed={os.environ['RANK']}")

    errors = together(prepared)
    assert isinstance(errors[1], ConfigError)
    assert "differ from those of process 0" in str(errors[1])
