"""Interrupted anywhere and resumed, a run ends with the same state and the same log."""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path

import pytest

from genrun.config.compose import Composed, compose
from genrun.config.saved import check_changes, override
from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.experiment.experiment import Experiment
from genrun.runs.folder import RunFolder
from genrun.terminal.plain import SilentDisplay
from tests.conftest import SMALL, choices

SHORT = [*SMALL, "evaluate_every=5", "log_every=3", "save_every=100"]  # 4 epochs of 3 batches


@functools.cache
def composed(words: tuple[str, ...]) -> Composed:
    return compose([*SHORT, *words])


def prepare(*words: str) -> Experiment:
    made = composed(words)
    return Experiment.prepare(copy.deepcopy(made.config), made.choices, made.overrides)


def whole(folder: Path, *words: str) -> tuple[str, bytes]:
    """The last checkpoint's name, which contains the digest of all state, and the log."""
    if not folder.exists():
        folder.mkdir()
        prepare(*words).train(folder, SilentDisplay())
    return final(folder)


def final(folder: Path) -> tuple[str, bytes]:
    newest = max(path.name for path in (folder / "checkpoints").glob("ckpt-*"))
    return newest, (folder / "metrics.jsonl").read_bytes()


def stopped_and_resumed(folder: Path, stops: list[int], *words: str) -> tuple[str, bytes]:
    folder.mkdir()
    experiment = prepare(*words)
    outcome = experiment.train(
        folder, SilentDisplay(), lambda: experiment.built.trial.step >= stops[0]
    )
    assert outcome.status == "interrupted"
    for stop in [*stops[1:], None]:
        resumed = prepare(*words)

        def at_stop(resumed: Experiment = resumed, stop: int | None = stop) -> bool:
            return stop is not None and resumed.built.trial.step >= stop

        resumed.resume(RunFolder.open(folder), SilentDisplay(), at_stop)
    assert all(part["exact"] for part in RunFolder.open(folder).read()["resumed"])
    return final(folder)


CASES = [
    *[[f"model={model}"] for model in choices("model")],
    *[["model=gan", "backbone=conv", "regularization=[batch_norm,dropout,ema,r1]"]],
    *[["model=autoencoder", f"optimizer={name}"] for name in choices("optimizer")],
    *[["model=gan", f"updates={name}"] for name in choices("updates")],
    ["model=gan", "updates=lookahead", "optimizer=adamw", "regularization=[sam,batch_norm]"],
    *[
        ["model=vae", f"schedule={name}", "schedule.warmup_steps=4"]
        for name in choices("schedule")
    ],
    ["model=vae", "schedule=plateau", "schedule.patience=1", "schedule.threshold=1e6",
     "schedule.threshold_mode=abs"],
    ["model=gan", "optimizer=schedule_free_adamw", "players.generator.optimizer=muon",
     "regularization=[batch_norm,dropout]", "schedule.warmup_steps=5"],
    ["model=vae", "backbone=conv", "optimizer=muon", "schedule=cosine"],
    ["model=vae", "optimizer=lbfgs", "optimizer.history_size=2", "optimizer.max_iter=2",
     "regularization=[batch_norm,dropout,spectral_norm,ema]", "schedule=exponential"],
    ["model=vae", "optimizer=sgd", "optimizer.lr=0.0"],  # the best stays that of step 0
    ["model=gan", "model.discriminator_turns=3", "players.generator.optimizer=sgd"],
    ["model=gan", "regularization=[spectral_norm,label_smoothing,l1,l2,gradient_clip]"],
    ["model=gan", "regularization=[adaptive_augment,instance_noise,weight_clip,ema]",
     "regularization.adaptive_augment.interval=3",
     "regularization.adaptive_augment.images_to_1=90",
     "regularization.instance_noise.anneal_steps=9"],
    ["model=vae", "regularization=[kl_annealing,free_bits,group_norm]",
     "regularization.kl_annealing.anneal_steps=3", "regularization.kl_annealing.cycle_steps=7"],
    ["model=autoencoder", "regularization=[batch_norm,dropout]", "optimizer=rmsprop",
     "stopping=[early,plateau,budget,target]", "stopping.early.patience=2",
     "stopping.early.min_delta=1000.0", "stopping.budget.examples=1000000",
     "stopping.target.value=0.0"],
    ["model=vae", "stopping=[generalization_loss,progress_quotient,up_strips,noise_aware,budget]",
     "stopping.generalization_loss.threshold=1e9", "stopping.progress_quotient.strip=2",
     "stopping.progress_quotient.threshold=1e9", "stopping.noise_aware.standard_errors=1e9",
     "stopping.noise_aware.patience=3", "stopping.budget.flops=1e15", "evaluate_every=2"],
]  # fmt: skip


@pytest.mark.parametrize("words", CASES, ids=lambda words: " ".join(words)[:60])
def test_a_resumed_run_equals_an_uninterrupted_one(words: list[str], tmp_path: Path) -> None:
    alone = whole(tmp_path / "alone", *words)
    # after one step, in the middle of an epoch and of a log's window, at the edge of an epoch
    assert stopped_and_resumed(tmp_path / "thrice", [1, 4, 9], *words) == alone


@pytest.mark.parametrize("stop", range(1, 12))
def test_stopped_at_every_step(stop: int, tmp_path: Path) -> None:
    words = ["model=gan", "regularization=[batch_norm,ema]", "schedule=cosine"]
    alone = whole(tmp_path / "alone", *words)
    assert stopped_and_resumed(tmp_path / "stopped", [stop], *words) == alone


def test_resuming_cuts_rows_written_after_the_checkpoint(tmp_path: Path) -> None:
    alone = whole(tmp_path / "alone", "model=vae")
    folder = tmp_path / "killed"
    folder.mkdir()
    experiment = prepare("model=vae")
    experiment.train(folder, SilentDisplay(), lambda: experiment.built.trial.step >= 7)
    with (folder / "metrics.jsonl").open("ab") as log:
        log.write(b'{"step": 9, "vae/loss": 1.0}\n{"step": 1')
    prepare("model=vae").resume(RunFolder.open(folder), SilentDisplay())
    assert final(folder) == alone
    steps = [row["step"] for row in RunFolder(folder).rows()]
    assert steps == sorted(set(steps))


def test_killed_before_the_second_checkpoint(tmp_path: Path) -> None:
    """Only step 0 was saved; what it logged must not be logged again."""
    words = ["model=vae", "stopping=early", "stopping.early.patience=9", "evaluate_every=6"]
    alone = whole(tmp_path / "alone", *words)
    folder = tmp_path / "killed"
    folder.mkdir()
    experiment = prepare(*words)

    class KilledError(Exception):
        pass

    def killed() -> bool:  # asked after each step; here the process dies instead
        if experiment.built.trial.step == 5:
            raise KilledError
        return False

    with pytest.raises(KilledError):
        experiment.train(folder, SilentDisplay(), killed)
    assert [path.name[5:15] for path in (folder / "checkpoints").iterdir()] == ["0000000000"]
    prepare(*words).resume(RunFolder.open(folder), SilentDisplay())
    assert final(folder) == alone


def test_stale_checkpoints_do_not_displace_new_ones(tmp_path: Path) -> None:
    words = ["optimizer=sgd", "optimizer.lr=0.0", "save_every=2"]  # step 0 stays the best
    folder = tmp_path / "run"
    alone = whole(folder, *words)
    log = folder / "metrics.jsonl"
    log.write_bytes(log.read_bytes().splitlines(keepends=True)[0])
    experiment = prepare(*words)
    experiment.resume(
        RunFolder.open(folder), SilentDisplay(), lambda: experiment.built.trial.step >= 5
    )
    resumed = prepare(*words)
    resumed.resume(RunFolder.open(folder), SilentDisplay())
    assert RunFolder(folder).read()["resumed"][-1]["step"] == 5
    assert final(folder) == alone


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_schedule_that_spans_the_run_refuses_more_steps(schedule: str, tmp_path: Path) -> None:
    words = ["model=vae", f"schedule={schedule}"]
    whole(tmp_path / "run", *words)
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(ConfigError, match="set to end at step 12"):
        prepare(*words, "steps=20").resume(RunFolder.open(tmp_path / "run"), SilentDisplay())
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_steps_override_the_epochs_of_the_saved_run() -> None:
    assert override(prepare("epochs=2").config, {"steps": "50"})["epochs"] is None


def test_a_damaged_checkpoint_is_set_aside_and_an_older_one_used(tmp_path: Path) -> None:
    alone = whole(tmp_path / "alone", "save_every=2")
    folder = tmp_path / "damaged"
    folder.mkdir()
    experiment = prepare("save_every=2")
    experiment.train(folder, SilentDisplay(), lambda: experiment.built.trial.step >= 7)
    newest = max((folder / "checkpoints").glob("ckpt-*"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    prepare("save_every=2").resume(RunFolder.open(folder), SilentDisplay())
    assert final(folder) == alone
    assert (newest.parent / f"corrupt-{newest.name}").exists()


def test_only_damaged_checkpoints_end_in_an_error_and_no_restart(tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    experiment = prepare("save_every=2")
    experiment.train(folder, SilentDisplay(), lambda: experiment.built.trial.step >= 7)
    log = (folder / "metrics.jsonl").read_bytes()
    for path in (folder / "checkpoints").glob("ckpt-*"):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointUnusable, match="none of its checkpoints"):
        prepare("save_every=2").resume(RunFolder.open(folder), SilentDisplay())
    assert (folder / "metrics.jsonl").read_bytes() == log


def test_more_steps_continue_a_finished_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    whole(folder, "model=vae", "evaluate_every=6")
    longer = prepare("model=vae", "evaluate_every=6", "steps=20")
    longer.resume(RunFolder.open(folder), SilentDisplay())
    assert final(folder) == whole(tmp_path / "long", "model=vae", "evaluate_every=6", "steps=20")


@pytest.mark.parametrize(
    "word",
    ["model=vae", "optimizer.lr=0.5", "seed=1", "data.batch_size=4", "regularization=dropout"],
)
def test_other_changes_are_refused_naming_the_difference(word: str) -> None:
    old, new = prepare().config, prepare(word).config
    with pytest.raises(CheckpointUnusable, match=word.split("=")[0]):
        check_changes(old, new)


@pytest.mark.parametrize(
    ("key", "text", "word"),
    [
        ("steps", "abc", "steps"),
        ("steps", "-3", "from 1"),
        ("stepps", "3", "did you mean steps"),
        ("stopping.early.patience", "0", "at least 1"),
        ("stopping.early.patience", "x", "an integer"),
        ("runtime.compile", "3", "compile"),
        ("stopping.early.patience", "[", "patience"),
    ],
)
def test_overrides_of_a_resumed_run_are_checked(key: str, text: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        override(prepare("stopping=early").config, {key: text})


def test_changed_threads_are_reported_and_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    experiment = prepare()
    experiment.train(folder, SilentDisplay(), lambda: experiment.built.trial.step >= 4)
    prepare("runtime.threads=2").resume(RunFolder.open(folder), SilentDisplay())
    resumed = json.loads((folder / "run.json").read_text())["resumed"]
    assert resumed == [{"step": 4, "exact": False, "changed": {"threads": [1, 2]}}]


DIFFERENT = [
    "seed=1", "log_every=1", "evaluate_every=1", "save_every=1", "sample_every=1",
    "model.latent_dim=3", "model.importance_samples=2", "backbone.hidden=[8]",
    "backbone.activation=tanh", "optimizer.lr=0.5", "optimizer.betas=[0.5,0.9]",
    "optimizer.weight_decay=0.1", "schedule.warmup_steps=2", "data.batch_size=4",
    "data.held_out=16", "regularization.dropout.p=0.3", "regularization.ema.decay=0.5",
    "metric.sliced_wasserstein.projections=4", "data.root=/elsewhere",
    "optimizer._target_=torch.optim.SGD",
]  # fmt: skip


@pytest.mark.parametrize("change", DIFFERENT)
def test_a_different_experiment_is_refused_naming_the_difference(change: str) -> None:
    saved = prepare("model=vae", "regularization=[dropout,ema]").config
    key, value = change.split("=", 1)
    with pytest.raises((CheckpointUnusable, ConfigError), match=key.replace(".", r"\.")):
        check_changes(saved, override(saved, {key: value}))
