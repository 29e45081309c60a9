"""The device and threads of each process, and the note about idle GPUs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from genrun.config.compose import compose
from genrun.core.errors import ConfigError, DeviceUnavailable
from genrun.core.process_rank import ProcessRank
from genrun.experiment import process_team
from genrun.experiment.device import find_device, idle_gpus
from genrun.experiment.experiment import Experiment
from genrun.experiment.process_team import count_threads
from genrun.terminal.plain import SilentDisplay
from tests.conftest import SMALL

ALONE = ProcessRank()
THIRD = ProcessRank(rank=6, world_size=8, local_rank=2, local_world_size=4)


def gpus(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_each_process_has_a_gpu_of_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(4, monkeypatch)
    assert find_device(name, THIRD) == torch.device("cuda", 2)
    assert find_device(name, ALONE) == torch.device("cuda", 0)
    assert find_device("cpu", THIRD) == torch.device("cpu")


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(2, monkeypatch)
    with pytest.raises(DeviceUnavailable, match=r"4 processes .* has 2 GPUs; .*per-node=2"):
        find_device("auto", THIRD)


def test_one_gpu_cannot_be_shared_by_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(4, monkeypatch)
    with pytest.raises(ConfigError, match=r"runtime.device=cuda:1: .*must be auto, cpu or cuda"):
        find_device("cuda:1", THIRD)


def test_without_a_gpu_all_processes_use_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(0, monkeypatch)
    assert find_device("auto", THIRD) == torch.device("cpu")


def test_idle_gpus_are_mentioned_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(2, monkeypatch)
    for name in ("auto", "cuda"):
        assert idle_gpus(name, 1) == (
            "2 GPUs are available and one is used; "
            "torchrun --nproc-per-node=2 -m genrun … uses both"
        )
    assert idle_gpus("cuda:1", 1) is None, "one was configured"
    assert idle_gpus("cpu", 1) is None
    assert idle_gpus("auto", 2) is None
    gpus(4, monkeypatch)
    assert "--nproc-per-node=4 -m genrun … uses all 4" in str(idle_gpus("auto", 1))
    for count in (0, 1):
        gpus(count, monkeypatch)
        assert idle_gpus("auto", 1) is None


def test_the_display_shows_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    composed = compose([*SMALL[:-1], "model=vae", "runtime.device=auto"])
    experiment = Experiment.prepare(composed.config, composed.choices, composed.overrides)
    gpus(2, monkeypatch)
    notes: list[str] = []
    display = SilentDisplay()
    monkeypatch.setattr(display, "note", notes.append)
    experiment.train(tmp_path, display, lambda: True)
    assert [note for note in notes if "torchrun --nproc-per-node=2" in note] == notes
    assert len(notes) == 1


def test_cores_are_divided_among_processes_unless_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    monkeypatch.setattr(process_team, "available_threads", lambda: 5)
    unset, own = {"runtime": {"threads": None}}, {"runtime": {"threads": 7}}
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as torchrun sets it
    assert count_threads(unset, THIRD) == 3
    assert count_threads(unset, ALONE) == 5, "what torch found"
    assert count_threads(own, THIRD) == 7
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert count_threads(unset, THIRD) == 5
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert count_threads(unset, THIRD) == 1
