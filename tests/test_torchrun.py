"""The real command under the real torchrun."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import SMALL, last_wins

pytestmark = pytest.mark.engines
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "genrun"]
TINY = [*SMALL, "model=vae", "backbone.hidden=[16]"]


def torchrun(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Fails if the command hangs; it takes about ten seconds, most of them to import torch."""
    return subprocess.run(
        [*TORCHRUN, *last_wins(words)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=200,
    )


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("genrun: ")]


def test_a_run_has_one_folder_and_one_output(tmp_path: Path) -> None:
    done = torchrun(*TINY, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = tmp_path.rglob("run.json")
    assert len(list(tmp_path.rglob("hydra.yaml"))) == 1
    info = json.loads(found.read_text())
    assert (info["status"], info["step"]) == ("finished", 12)
    assert info["environment"]["processes"] == 2
    assert done.stdout.count("finished: all 12 steps done") == 1
    assert "processes: 2, 4 of 8 images each" in done.stdout
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"outputs"}
    again = torchrun("resume", str(found.parent), folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("nothing to resume") == 1


def test_a_signal_to_torchrun_saves_and_resuming_is_exact(tmp_path: Path) -> None:
    words = [*TINY, "log_every=100", "evaluate_every=100000", "save_every=100000", "steps=600"]
    alone = torchrun(*words, "hydra.run.dir=alone", folder=tmp_path)
    assert alone.returncode == 0, alone.stderr
    process = subprocess.Popen(
        [*TORCHRUN, *last_wins([*words, "hydra.run.dir=stopped"])],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    log = tmp_path / "stopped" / "metrics.jsonl"
    while process.poll() is None and not (log.is_file() and b'"step": 100,' in log.read_bytes()):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)  # as Ctrl-C does; torchrun passes it on
    output, errors = process.communicate(timeout=120)
    info = json.loads((tmp_path / "stopped" / "run.json").read_text())
    if info["status"] == "finished":
        pytest.skip("the run was over before the signal came")
    assert info["status"] == "interrupted", errors
    assert "genrun resume stopped" in output
    assert 100 < info["step"] < 600
    resumed = torchrun("resume", "stopped", folder=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    newest = [max(p.name for p in (tmp_path / name / "checkpoints").glob("ckpt-0000000600-*"))
              for name in ("alone", "stopped")]  # fmt: skip
    assert newest[0] == newest[1]
    logs = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("alone", "stopped")]
    assert logs[0] == logs[1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["data.batch_size=7"], 2),
        (["data.root=nowhere"], 66),
        (["-m", "seed=0,1"], 2),
        (["optimizer.lr=1e30"], 4),
    ],
)
def test_an_error_is_reported_once_with_its_exit_code(
    words: list[str], code: int, tmp_path: Path
) -> None:
    done = torchrun(*TINY, *words, "hydra.run.dir=run", folder=tmp_path)
    assert done.returncode == 1, "torchrun's own"
    cause = done.stderr[done.stderr.index("Root Cause") :]
    assert f"exitcode  : {code} " in cause
    if code == 4:
        assert done.stdout.count("diverged: ") == 1
    else:
        assert len(said(done)) == 1, done.stderr
        assert list(tmp_path.iterdir()) == []


PLUGIN = """
import os, signal
from genrun.components.model.vae import VAE

CALLS = []

class Breaks(VAE):
    def loss(self, player, nets, batch, key):
        CALLS.append(1)  # two are of the copy whose FLOPs are counted
        if len(CALLS) == 8 and os.environ.get("RANK") == os.environ.get("BROKEN"):
            if os.environ["HOW"] == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("boom")
        return super().loss(player, nets, batch, key)
"""


@pytest.mark.parametrize(("how", "broken"), [("killed", "1"), ("raises", "1")])
def test_a_process_that_dies_ends_all_and_is_reported_once(
    how: str, broken: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN)
    words = [*TINY, "model._target_=mine.Breaks", "plugins=[mine]", "hydra.run.dir=run",
             "save_every=2"]  # fmt: skip
    done = torchrun(*words, folder=tmp_path, BROKEN=broken, HOW=how)
    assert done.returncode == 1
    if how == "raises":
        (line,) = said(done)
        assert "a bug: RuntimeError: boom" in line
        assert "process 1: " in line
    else:
        assert said(done) == []
        assert "exitcode  : -9" in done.stderr
    words = ["resume", "run", "plugins=[mine]"]
    resumed = torchrun(*words, folder=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (info["status"], info["step"]) == ("finished", 12)
    assert info["resumed"] == [{"step": 4, "exact": True, "changed": {}}]
