"""run.json holds the resource usage of every run that ended; after a kill, the logs do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from genrun.cli import run
from genrun.core.usage import PHASES
from genrun.experiment.experiment import Experiment
from genrun.runs.folder import RunFolder
from genrun.runs.lock import lock_folder
from genrun.runs.recorder import FolderRecorder
from genrun.runs.usage import read_usage
from genrun.terminal.plain import SilentDisplay
from genrun.training.meters import energy
from tests.conftest import SMALL
from tests.test_resume import prepare

EXAMPLES = 8  # a step


@pytest.fixture(autouse=True)
def joules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter that grows by one joule at each reading."""
    counts: Iterator[int] = iter(range(10**6))
    one = [energy.EnergyCounter(lambda: float(next(counts)))]
    monkeypatch.setattr(energy, "rapl_counters", lambda powercap: one)


def compute_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = RunFolder.open(folder).read()["compute"]
    return found


def train(
    folder: Path, *words: str, stop: int | None = None, wrong: Callable[[], None] | None = None
) -> Experiment:
    folder.mkdir()
    experiment = prepare("model=autoencoder", *words)

    def interrupted() -> bool:
        if wrong is not None and experiment.built.trial.step == 7:
            wrong()
        return stop is not None and experiment.built.trial.step >= stop

    experiment.train(folder, SilentDisplay(), interrupted)
    return experiment


def check(compute: Mapping[str, Any], steps: int) -> None:
    info = {"flops": 0, **compute}
    assert (info["steps"], info["examples"]) == (steps, steps * EXAMPLES)
    assert info["flops"] > 0
    assert set(info["seconds"]) == set(PHASES)
    assert min(info["seconds"][phase] for phase in ("training", "evaluation")) > 0
    assert info["peak_memory_bytes"]["host"] > 10**7
    assert info["peak_memory_bytes"]["device"] is None
    assert info["energy_joules"] > 0
    assert info["energy_sources"] == ["rapl"]


def test_a_finished_an_early_stopped_and_an_interrupted_run(tmp_path: Path) -> None:
    train(tmp_path / "finished")
    check(compute_of(tmp_path / "finished"), 12)
    train(tmp_path / "early", "stopping=budget", "stopping.budget.examples=40")
    check(compute_of(tmp_path / "early"), 5)
    train(tmp_path / "interrupted", stop=4)
    check(compute_of(tmp_path / "interrupted"), 4)


def test_a_diverged_run(tmp_path: Path) -> None:
    train(tmp_path / "run", "optimizer=sgd", "optimizer.lr=1e30")
    assert RunFolder.open(tmp_path / "run").read()["status"] == "diverged"
    assert compute_of(tmp_path / "run")["energy_joules"] > 0
    assert 0 < compute_of(tmp_path / "run")["steps"] <= 12


@pytest.mark.parametrize("error", [RuntimeError("of a driver"), KeyboardInterrupt()])
def test_a_failed_run(error: BaseException, tmp_path: Path) -> None:
    def wrong() -> None:
        raise error

    with pytest.raises(type(error)):
        train(tmp_path / "run", wrong=wrong)
    check(compute_of(tmp_path / "run"), 7)


def test_parts_of_a_resumed_run_are_summed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(folder, stop=4)
    first = compute_of(folder)
    path = folder / "run.json"
    content = json.loads(path.read_text())
    spent = {
        "seconds": {"training": 1000.0, "evaluation": 200.0, "saving": 30.0},
        "peak_memory_bytes": {"host": 10**15, "device": None}, "energy_joules": 5000.0,
    }  # fmt: skip
    path.write_text(json.dumps(content | {"compute": first | spent}))
    prepare("model=autoencoder").resume(RunFolder.open(folder), SilentDisplay())
    whole = compute_of(folder)
    check(whole, 12)
    assert whole["seconds"]["training"] == pytest.approx(1000, abs=100)
    assert whole["seconds"]["training"] > 1000
    assert whole["seconds"]["evaluation"] > 200
    assert whole["peak_memory_bytes"]["host"] == 10**15
    assert 5000 < whole["energy_joules"] < 5100
    (last,) = [row for row in _timings(folder) if row["step"] == 12]
    assert last["energy_joules"] > 5000
    assert last["host_peak_bytes"] == 10**15


def _timings(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "timings.jsonl").read_text().splitlines()]


def test_a_killed_runs_usage_is_read_from_its_logs(tmp_path: Path) -> None:
    train(tmp_path / "run")
    info = RunFolder.open(tmp_path / "run").read()
    compute = info.pop("compute")
    killed = {**info, "status": "running", "compute": None}
    for content in (killed, {**killed, "status": "failed", "reason": "its process ended"}):
        found = read_usage(RunFolder(tmp_path / "run"), content)
        assert (found.steps, found.examples) == (12, 12 * EXAMPLES)
        assert found.flops == compute["flops"]
        assert 10**7 < (found.host_bytes or 0) <= compute["peak_memory_bytes"]["host"]
        assert 0 < (found.joules or 0) <= compute["energy_joules"]
        assert 0 < found.seconds["training"] <= compute["seconds"]["training"] + 0.01


def test_a_run_killed_after_its_checkpoint_resumes_from_the_usage_until_then(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"
    train(folder, "save_every=6")
    rows = _timings(folder)
    for path in (folder / "checkpoints").glob("ckpt-*12-*"):
        path.unlink()
    path = folder / "run.json"
    content = json.loads(path.read_text())
    del content["compute"]
    path.write_text(json.dumps(content | {"status": "running", "reason": ""}))
    at = max(int(p.name.split("-")[1]) for p in (folder / "checkpoints").glob("ckpt-*"))
    until = [row for row in rows if row["step"] <= at][-1]
    given = FolderRecorder.resume

    def kept(*arguments: Any) -> Any:
        recorder, timings = given(*arguments)
        assert timings == until
        return recorder, {**timings, "training": 500.0, "energy_joules": 900.0}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FolderRecorder, "resume", kept)
        prepare("model=autoencoder", "save_every=6").resume(
            RunFolder.open(folder), SilentDisplay()
        )
    assert compute_of(folder)["seconds"]["training"] > 500
    assert 900 < compute_of(folder)["energy_joules"] < 1000


def test_show_prints_resource_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train(tmp_path / "run")
    assert run(["show", "run"]) == 0
    facts = _facts(capsys.readouterr().out)
    assert "FLOPs of training" in facts["compute"]
    assert facts["evaluation"].endswith(" s")
    assert facts["memory"].endswith("B at most")
    assert "J, including all else that ran on this machine" in facts["energy"]


def test_a_killed_run_is_not_shown_as_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    train(folder)
    RunFolder.open(folder).update({"status": "running", "reason": "", "compute": None})

    def shown() -> tuple[str, str]:
        assert run(["show", str(folder)]) == 0
        status = _facts(capsys.readouterr().out)["status"]
        assert run(["list", str(tmp_path)]) == 0
        return status, capsys.readouterr().out

    status, listed = shown()
    assert status == f"killed; resume with: genrun resume {folder}"
    assert "  killed  " in listed
    with lock_folder(folder):
        status, listed = shown()
    assert status.startswith("running: is being written by process")
    assert "  running  " in listed


def _facts(shown: str) -> dict[str, str]:
    return {line.split("  ")[0].strip(): line[11:].strip() for line in shown.splitlines()}


def test_no_meter_is_read_between_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metering costs a step nothing."""
    asked: list[int] = []
    read = energy.Energy.read
    monkeypatch.setattr(energy.Energy, "read", lambda self: asked.append(1) or read(self))
    words = ["log_every=5", "evaluate_every=5", "save_every=5", "sample_every=5", "steps=20"]
    train(tmp_path / "run", *[word for word in words if word not in SMALL])
    assert len(asked) == len(_timings(tmp_path / "run")) + 1


def test_the_usage_of_an_earlier_part_is_removed_while_a_resumed_part_runs(tmp_path: Path) -> None:
    """After a kill it would count as the usage of the complete run."""
    train(tmp_path / "run", stop=4)
    assert compute_of(tmp_path / "run")["steps"] == 4
    seen = []

    def look() -> bool:
        seen.append(compute_of(tmp_path / "run"))
        return False

    prepare("model=autoencoder").resume(RunFolder.open(tmp_path / "run"), SilentDisplay(), look)
    assert set(map(str, seen)) == {"None"}


@pytest.mark.parametrize(
    "compute",
    ["x", [], {"steps": 4}, {"steps": 4, "seconds": "x", "peak_memory_bytes": [1]},
     {"steps": 4, "seconds": {"training": "x", "saving": -1, "sleeping": 3.0},
      "energy_joules": "x", "peak_memory_bytes": {"host": 1e300, "device": {}}}],
    ids=str,
)  # fmt: skip
def test_a_damaged_compute_entry_does_not_prevent_resuming(compute: Any, tmp_path: Path) -> None:
    train(tmp_path / "run", stop=4)
    path = tmp_path / "run" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"compute": compute}))
    prepare("model=autoencoder").resume(RunFolder.open(tmp_path / "run"), SilentDisplay())
    found = compute_of(tmp_path / "run")
    assert found["steps"] == 12
    assert set(found["seconds"]) == set(PHASES)
    assert 10**7 < found["peak_memory_bytes"]["host"] < 10**12
