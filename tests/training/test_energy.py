"""Energy by counters that wrap around, cannot be read, or do not exist."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from genrun.core.usage import ResourceUsage
from genrun.training.meters.energy import Energy, EnergyCounter
from genrun.training.meters.meters import Meters

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def domain(powercap: Path, folder: str, name: str, microjoules: int, span: int = 1000) -> Path:
    place = powercap / folder
    place.mkdir(parents=True)
    (place / "name").write_text(f"{name}\n")
    (place / "max_energy_range_uj").write_text(f"{span}\n")
    (place / "energy_uj").write_text(f"{microjoules}\n")
    return place / "energy_uj"


def test_packages_are_summed_and_subdomains_are_not(tmp_path: Path) -> None:
    first = domain(tmp_path, "intel-rapl:0", "package-0", 100)
    second = domain(tmp_path, "intel-rapl:1", "package-1", 500)
    others = [
        domain(tmp_path, "intel-rapl:0:0", "core", 0),  # within the package
        domain(tmp_path, "intel-rapl:2", "psys", 0),  # holds both packages
        domain(tmp_path, "intel-rapl-mmio:0", "package-0", 0),  # the same by another way
    ]
    energy = Energy.for_device(CPU, tmp_path)
    assert energy.sources == ["rapl"]
    assert energy.read() == 0
    first.write_text("350")
    second.write_text("510")
    for other in others:
        other.write_text("999")
    assert energy.read() == pytest.approx(260e-6)


def test_a_counter_wraps_around_to_0(tmp_path: Path) -> None:
    counter = domain(tmp_path, "intel-rapl:0", "package-0", 900, span=1000)
    energy = Energy.for_device(CPU, tmp_path)
    for value, total in ((950, 50), (30, 130), (20, 1120)):  # the last a whole round later
        counter.write_text(str(value))
        assert energy.read() == pytest.approx(total * 1e-6)


def test_a_gpus_counter_has_no_span_and_loses_energy_at_a_reset() -> None:
    values = iter([5.0, 7.0, 1.0, 4.0])
    counter = EnergyCounter(lambda: next(values))
    assert [counter.update() for _ in range(3)] == [2.0, 2.0, 5.0]


@pytest.mark.parametrize("damage", ["no folder", "empty", "no energy", "no name", "text"])
def test_an_unreadable_counter_is_unknown(damage: str, tmp_path: Path) -> None:
    powercap = tmp_path / "powercap"
    if damage == "empty":
        powercap.mkdir()
    elif damage != "no folder":
        domain(powercap, "intel-rapl:0", "package-0", 5)
        counter = domain(powercap, "intel-rapl:1", "package-1", 5)
        if damage == "text":
            counter.write_text("much")
        else:  # as a file is that only root may read
            (counter if damage == "no energy" else counter.parent / "name").unlink()
    energy = Energy.for_device(CPU, powercap)
    assert energy.read() is None
    assert energy.sources == []


def test_energy_is_unknown_once_a_counter_fails(tmp_path: Path) -> None:
    counter = domain(tmp_path, "intel-rapl:0", "package-0", 5)
    energy = Energy.for_device(CPU, tmp_path)
    assert energy.read() == 0
    counter.unlink()
    assert energy.read() is None
    counter.write_text("500")
    assert energy.read() is None, "what was used meanwhile is not known"


class FakeNvml:
    """Stands for the package nvidia-ml-py: one GPU whose counter, in millijoules, a test sets."""

    def __init__(self) -> None:
        self.millijoules = 1000

    def nvmlInit(self) -> None:  # noqa: N802  # the package's own names
        return None

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        assert uuid == "GPU-1234"
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        return self.millijoules


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)  # type: ignore[arg-type]
    properties = SimpleNamespace(uuid="1234")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    return fake


def test_a_gpus_energy_is_added_to_the_packages(nvml: FakeNvml, tmp_path: Path) -> None:
    package = domain(tmp_path, "intel-rapl:0", "package-0", 0, span=10**9)
    energy = Energy.for_device(GPU, tmp_path)
    package.write_text("2000000")
    nvml.millijoules = 4500
    assert energy.read() == pytest.approx(5.5)
    assert energy.sources == ["rapl", "nvml"]
    assert Energy.for_device(CPU, tmp_path).sources == ["rapl"]


def test_a_gpu_without_the_package_or_driver(
    nvml: FakeNvml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise OSError("no driver")

    monkeypatch.setattr(nvml, "nvmlInit", broken)
    assert Energy.for_device(GPU, tmp_path).read() is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert Energy.for_device(GPU, tmp_path).read() is None


def part(earlier: ResourceUsage | None, joules: float | None) -> dict[str, object]:
    meters = Meters(CPU, earlier)
    counters = {} if joules is None else {"rapl": [EnergyCounter(iter([0.0, joules]).__next__)]}
    meters._energy = Energy(counters)
    return meters.summarize(steps=7, examples=56, flops=70)


def test_parts_are_summed_and_the_largest_peak_counts() -> None:
    seconds = {"training": 100.0, "evaluation": 20.0, "saving": 3.0}
    before = ResourceUsage(seconds=seconds, host_bytes=10**18, device_bytes=5, joules=40.0)
    found = part(before, 2.5)
    assert found["energy_joules"] == 42.5
    assert found["peak_memory_bytes"] == {"host": 10**18, "device": 5}
    assert found["seconds"] == pytest.approx(seconds, abs=1)
    assert (found["steps"], found["examples"], found["flops"]) == (7, 56, 70)
    alone = part(None, 2.5)
    assert alone["energy_joules"] == 2.5
    peak = alone["peak_memory_bytes"]
    assert isinstance(peak, dict)
    assert 10**7 < peak["host"] < 10**12
    assert peak["device"] is None


@pytest.mark.parametrize(("before", "now"), [(None, 2.5), (40.0, None), (None, None)])
def test_unknown_joules_of_a_part_make_the_sum_unknown(
    before: float | None, now: float | None
) -> None:
    found = part(ResourceUsage(joules=before), now)
    assert (found["energy_joules"], found["energy_sources"]) == (None, [])
