"""Trackers change no result, stop no run, and write in the run's folder only."""

from __future__ import annotations

import copy
import importlib.util
import io
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genrun
from genrun.cli import run
from genrun.config.compose import compose
from genrun.core.errors import ConfigError
from genrun.core.protocols.tracker import environment_variables
from genrun.experiment.experiment import Experiment
from genrun.experiment.tracking import hyperparameters, preserve_rng_state
from genrun.runs.folder import RunFolder
from genrun.sweeps.job import run_job
from genrun.sweeps.plan import SweepPlan, compute_identity, make_jobs, read_plan
from genrun.terminal.plain import PlainDisplay, SilentDisplay
from tests.components.tracker import failing
from tests.components.tracker.fakes import (
    Calls,
    below,
    fake_trackio,
    fake_wandb,
    install_mlflow,
    installed,
)
from tests.conftest import SMALL, last_wins
from tests.test_resume import final, prepare

WORDS = ("model=autoencoder", "health.mode_collapse_spread=100.0",
         "health.mode_collapse_evaluations=1")  # fmt: skip
SHORT = [*SMALL, "model=autoencoder", "steps=4"]


def followed(settings: Mapping[str, Any]) -> Experiment:
    """An experiment with trackers of the test's own, as `plugins` allow them."""
    config = copy.deepcopy(prepare(*WORDS).config)
    config |= {"tracker": dict(settings), "plugins": ["tests.components.tracker.failing"]}
    return Experiment.prepare(config, {}, [])


def failing_in(method: str, error: str = "RuntimeError") -> dict[str, Any]:
    return {
        "_target_": "tests.components.tracker.failing.Failing", "method": method, "error": error,
    }  # fmt: skip


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    folder = tmp_path_factory.mktemp("alone")
    prepare(*WORDS).train(folder, SilentDisplay())
    return final(folder)


@pytest.mark.parametrize("error", ["RuntimeError", "SystemExit"])
@pytest.mark.parametrize(
    "method", ["start", "log_row", "log_health", "log_pictures", "finish", "nowhere"]
)
def test_a_tracker_that_fails_is_switched_off_and_nothing_else_happens(
    method: str, error: str, alone: tuple[str, bytes], tmp_path: Path
) -> None:
    """The log's bytes and the final state, which has all randomness in it, are the same."""
    shown = io.StringIO()
    experiment = followed({"mine": failing_in(method, error)})
    outcome = experiment.train(tmp_path, PlainDisplay(shown))
    assert outcome.status == "finished"
    assert final(tmp_path) == alone
    info = RunFolder.open(tmp_path).read()
    said = f"{error}: it broke" if method != "nowhere" else "ok"
    assert info["trackers"] == {"mine": said}
    assert info["status"] == "finished"
    notes = [line for line in shown.getvalue().splitlines() if "tracker=mine" in line]
    told = [f"note: tracker=mine is switched off: {error}: it broke"]
    assert notes == ([] if method == "nowhere" else told)
    assert failing.calls.count(method) == (0 if method == "nowhere" else 1)
    assert ("finish finished" in failing.calls) == (method in ("finish", "nowhere"))


def test_other_trackers_continue_if_one_fails(tmp_path: Path) -> None:
    """Also with the same folder name, where the second gets a number."""
    experiment = followed({"bad": failing_in("start"), "good": failing_in("nowhere")})
    experiment.train(tmp_path, SilentDisplay())
    info = RunFolder.open(tmp_path).read()
    assert info["trackers"] == {"bad": "RuntimeError: it broke", "good": "ok"}
    assert (tmp_path / "failing-2" / "begun").is_file()


def test_a_failed_run_is_finished_for_its_trackers(tmp_path: Path) -> None:
    experiment = followed({"mine": failing_in("finish")})

    def wrong() -> bool:
        raise ArithmeticError("it is wrong")

    with pytest.raises(ArithmeticError, match="it is wrong"):
        experiment.train(tmp_path, SilentDisplay(), wrong)
    assert "finish failed" in failing.calls
    assert RunFolder.open(tmp_path).read()["reason"] == "ArithmeticError: it is wrong"


def test_trackers_do_not_count_as_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = [0]
    clock = time.perf_counter
    monkeypatch.setattr("time.perf_counter", lambda: clock() + ahead[0])
    experiment = followed({"mine": failing_in("nowhere")})
    monkeypatch.setattr(
        failing.Failing, "log_row", lambda *_: ahead.__setitem__(0, ahead[0] + 1000)
    )
    experiment.train(tmp_path, SilentDisplay())
    seconds = RunFolder.open(tmp_path).read()["compute"]["seconds"]
    rows = len(RunFolder.open(tmp_path).rows())
    assert seconds["saving"] == pytest.approx(1000 * rows, abs=900)
    assert max(seconds["training"], seconds["evaluation"]) < 900


def test_generators_are_not_changed() -> None:
    drawn = []
    for inside in (lambda: None, lambda: failing.Failing("nowhere", "SystemExit")._called("")):
        random.seed(3), np.random.seed(3), torch.manual_seed(3)
        with preserve_rng_state():
            inside()
        drawn.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
    assert drawn[0] == drawn[1]


def test_hyperparameters_are_scalars_by_their_keys() -> None:
    config = compose(["model=vae", "backbone.hidden=[64,32]", "tracker=tensorboard"]).config
    values = hyperparameters(config)
    assert values["backbone.hidden"] == "64,32"
    assert values["optimizer.lr"] == 0.001
    assert values["epochs"] == "null"
    assert all(isinstance(value, str | int | float | bool) for value in values.values())
    assert not any(key.startswith("tracker") for key in values)


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow", "trackio"])
def test_a_missing_package_is_reported_before_anything_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda module: None if module == name else found(module)
    )
    monkeypatch.chdir(tmp_path)
    assert run(last_wins([*SHORT, f"tracker={name}"])) == 2
    message = capsys.readouterr().err
    assert f"pip install 'genrun[{name}]'" in message
    assert message.count("\n") == 1
    assert not list(tmp_path.iterdir())


def train_with(words: list[str], folder: str) -> Path:
    return genrun.train(last_wins([*SHORT, *words, f"hydra.run.dir={folder}"]), quiet=True).path


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    monkeypatch.chdir(tmp_path)
    return []


def check_logged(calls: Calls, folder: Path) -> None:
    """Checks that every value of the log was reported, and the last pictures."""
    logs = [own for kind, own in calls if kind == "log"]
    told = {(step, name): value for step, values in logs for name, value in values.items()}
    for row in RunFolder.open(folder).rows():
        for name in row.keys() - {"step"}:
            assert told[row["step"], name] == row[name]
    assert told[4, "samples"] == (448, 448)
    assert list(RunFolder.open(folder).read()["trackers"].values()) == ["ok"]


def test_wandb_is_offline_and_silent(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", fake_wandb(calls))
    monkeypatch.setenv("WANDB_MODE", "online")
    folder = train_with(["tracker=wandb"], "run")
    settings = dict(calls)["init"]
    assert settings["mode"] == "offline"
    assert settings["dir"] == str(folder.absolute() / "wandb")
    assert settings["name"] == "run"
    assert settings["config"]["optimizer.lr"] == 0.001
    assert settings["settings"]["console"] == "off"
    assert settings["settings"]["x_save_requirements"] is False
    check_logged(calls, folder)
    kind, end = calls[-1]
    assert (kind, end["exit_code"], end["status"]) == ("finish", 0, "finished")
    assert end["best/mse"] == RunFolder.open(folder).read()["best"]["value"]


def test_wandb_online_needs_a_login_and_does_not_prompt(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = sys.modules
    words = ["tracker=wandb", "tracker.wandb.mode=online"]
    monkeypatch.setitem(modules, "wandb", fake_wandb(calls))
    folder = train_with(words, "without")
    assert "wandb login" in RunFolder.open(folder).read()["trackers"]["wandb"]
    assert calls == []
    monkeypatch.setitem(modules, "wandb", fake_wandb(calls, login="yes"))
    train_with(words, "with")
    assert dict(calls)["init"]["mode"] == "online"


def test_mlflow_keeps_a_store_in_the_runs_folder(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_mlflow(calls, monkeypatch)
    folder = train_with(["tracker=mlflow"], "run")
    told = dict(calls)
    assert told["store"] == f"sqlite:///{folder.absolute()}/mlflow/mlflow.db"
    assert told["experiment"][1] == f"file://{folder.absolute()}/mlflow/artifacts"
    assert told["parameters"]["optimizer.lr"] == "0.001"
    assert told["finish"] == "FINISHED"
    check_logged(calls, folder)


def test_trackio_keeps_its_database_in_the_runs_folder(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKIO_SPACE_ID", "mine/space")
    with installed("trackio", lambda: fake_trackio(calls), monkeypatch):
        folder = train_with(["tracker=trackio"], "run")
        assert dict(calls)["folder"] == str(folder.absolute() / "trackio")
        assert dict(calls)["space"] is None
        assert "* " not in capsys.readouterr().out
        assert calls[-1] == ("finish", {})
        check_logged(calls, folder)
        again = train_with(["tracker=trackio"], "again")
        assert "another folder" in RunFolder.open(again).read()["trackers"]["trackio"]


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENRUN_A", "1")
    monkeypatch.delenv("GENRUN_B", raising=False)
    import os

    with environment_variables(GENRUN_A=None, GENRUN_B="2"):
        assert ("GENRUN_A" in os.environ, os.environ["GENRUN_B"]) == (False, "2")
    assert (os.environ["GENRUN_A"], "GENRUN_B" in os.environ) == ("1", False)


def test_each_part_of_a_run_has_a_folder_of_its_own(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is in an untrusted folder under that name is neither opened nor written through."""
    monkeypatch.setitem(sys.modules, "wandb", fake_wandb(calls))
    folder = train_with(["tracker=wandb"], "run")
    (folder / "wandb-2").symlink_to(tmp_path)
    before = below(tmp_path)
    assert run(["resume", "run", "steps=6"]) == 0
    assert [settings["dir"] for name, settings in calls if name == "init"] == [
        str(folder.absolute() / name) for name in ("wandb", "wandb-3")
    ]
    assert below(tmp_path) == before


def test_a_link_in_place_of_the_event_files_is_refused(
    calls: Calls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = train_with([], "run")
    (tmp_path / "victim").mkdir()
    (folder / "tensorboard").symlink_to(tmp_path / "victim")
    assert run(["resume", "run", "steps=6", "tracker=tensorboard"]) == 76
    assert below(tmp_path / "victim") == []


def test_a_resume_chooses_trackers_anew(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", fake_wandb(calls))
    folder = train_with([], "run")
    assert run(["resume", "run", "steps=6", "tracker=[wandb,tensorboard]"]) == 0
    assert RunFolder.open(folder).read()["trackers"] == {"wandb": "ok", "tensorboard": "ok"}
    assert run(["resume", "run", "steps=7", "tracker.wandb.project=other"]) == 0
    assert [own["project"] for name, own in calls if name == "init"] == ["genrun", "other"]
    assert run(["resume", "run", "steps=8", "tracker={}"]) == 0
    assert len([name for name, _ in calls if name == "init"]) == 2
    assert run(["resume", "run", "tracker=tensorboard"]) == 0
    assert "nothing to resume" in capsys.readouterr().out
    assert run(["resume", "run", "steps=9", "tracker=wanddb"]) == 2
    assert "tracker=wanddb: must be one of mlflow" in capsys.readouterr().err
    assert run(["resume", "run", "steps=9", "tracker=tensorboard",
                "tracker.tensorboard.flush_seconds=x"]) == 2  # fmt: skip


def test_a_saved_run_does_not_phone_home(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", fake_wandb(calls, login="yes"))
    folder = train_with(["tracker=wandb"], "run")
    config = folder / "config.yaml"
    text = config.read_text().replace("mode: offline", "mode: online")
    for words, mode in (
        (["steps=5"], "offline"),
        (["steps=6", "tracker.wandb.mode=online"], "online"),
    ):
        config.write_text(text)
        calls.clear()
        assert run(["resume", "run", *words]) == 0
        assert dict(calls)["init"]["mode"] == mode
        assert f"mode: {mode}" in config.read_text()


def test_a_yaml_file_does_not_go_online(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "theirs.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /tracker: wandb\n"
        "tracker:\n  wandb:\n    mode: online\n"
    )
    with pytest.raises(ConfigError, match="may only be set on the command line"):
        compose(["experiment=theirs"], str(tmp_path))
    words = ["experiment=theirs", "tracker.wandb.mode=online"]
    assert compose(words, str(tmp_path)).config["tracker"]["wandb"]["mode"] == "online"


def test_a_mode_is_one_of_two() -> None:
    with pytest.raises(ConfigError, match="must be offline or online"):
        compose(["tracker=wandb", "tracker.wandb.mode=shared"])


def test_a_sweep_tracks_offline_whatever_its_plan_says(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for word in ("tracker.wandb.mode=online", "tracker.wandb.mode=offline,online"):
        assert run(["-m", *last_wins(SHORT), "tracker=wandb", word, "seed=0,1"]) == 2
        assert "a sweep's jobs are tracked offline" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    monkeypatch.setitem(sys.modules, "wandb", fake_wandb(calls, login="yes"))
    words = last_wins([*SHORT, "tracker=wandb", "tracker.wandb.mode=online"])
    jobs, _ = make_jobs([compose(words)])
    SweepPlan([], jobs).write(tmp_path)
    (job,) = read_plan(tmp_path).jobs
    assert job.config["tracker"]["wandb"]["mode"] == "online"
    assert run_job(tmp_path, job, [], SilentDisplay()) == "finished"
    assert dict(calls)["init"]["mode"] == "offline"


def test_a_contestant_is_the_same_with_any_tracker() -> None:
    plain, followed = (compose([*SHORT, *more]) for more in ([], ["tracker=tensorboard"]))
    assert compute_identity(plain.config) == compute_identity(followed.config)
    jobs, repeated = make_jobs([plain, followed])
    assert (len(jobs), len(repeated)) == (1, 1)
    earlier = {key: value for key, value in plain.config.items() if key != "tracker"}
    assert compute_identity(earlier) == jobs[0].identity
    assert jobs[0].configuration == compute_identity({**earlier, "seed": None})


def test_a_list_of_trackers_composes() -> None:
    both = compose(["tracker=[tensorboard,wandb]"]).config["tracker"]
    assert list(both) == ["tensorboard", "wandb"]
    assert both["wandb"]["mode"] == "offline"
    assert compose([]).config["tracker"] == {}


def test_wandb_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it is installed: all that it writes is in the run's folder."""
    pytest.importorskip("wandb")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = train_with(["tracker=wandb"], "run")
    assert RunFolder.open(folder).read()["trackers"] == {"wandb": "ok"}
    (store,) = folder.glob("wandb/wandb/offline-run-*/run-*.wandb")
    content = store.read_bytes()
    assert b"held_out/mse" in content
    assert b"optimizer.lr" in content
    assert list(store.parent.glob("files/media/images/samples*.png"))
    assert [path.name for path in (store.parent / "files").iterdir()] == ["media"]
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []
